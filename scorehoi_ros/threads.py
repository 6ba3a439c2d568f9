"""How many threads the numerics use, for the time of a block: no process-wide switch is left behind."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Torch and OpenCV compute in `count` threads inside the block.

    One is quicker than several for small tensors and pictures, and its sums are the same on every run.
    """
    import cv2
    import torch

    before, drawing = torch.get_num_threads(), cv2.getNumThreads()
    set_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        cv2.setNumThreads(drawing)


def set_threads(count: int) -> None:
    """The same for good, for a process that has several such blocks at once: they would undo each other's."""
    import cv2
    import torch

    torch.set_num_threads(count)
    cv2.setNumThreads(count)


@contextmanager
def limited_process(count: int) -> Iterator[None]:
    """The same, also for everything in processes started inside the block.

    For many processes side by side.  Variables of the environment change meanwhile: not for the node, whose
    other threads may read them.
    """
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(dict.fromkeys(_VARIABLES, str(count)))
    try:
        with limited_threads(count):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
