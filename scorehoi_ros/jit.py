"""Compiled kernels that also work where no compile cache can be written."""

from collections.abc import Callable
from typing import Any

import numba

_INNER: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on the first call, without the GIL; cached on disk where a cache folder is writable."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no writable folder for its cache (read-only install, no home)
        return numba.njit(nogil=True)(function)


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """A part of kernels that only kernels call: compiled with them, and much sooner than a kernel.

    It has no entry from Python and no cache of its own, and a division by zero gives infinity or NaN.
    """
    return numba.njit(**_INNER)(function)
