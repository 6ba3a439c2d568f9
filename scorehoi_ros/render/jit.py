"""Compiled kernels that also work where no compile cache can be written."""

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on the first call, without the GIL; cached on disk where a cache folder is writable."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no writable folder for its cache (read-only install, no home)
        return numba.njit(nogil=True)(function)
