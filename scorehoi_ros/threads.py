"""How many threads the numerics use, for the time of a block: no process-wide switch is left behind."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Torch computes in `count` threads inside the block.

    One is quicker than several for small tensors, and its sums are the same on every run.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def limited_process(count: int) -> Iterator[None]:
    """Torch and OpenCV, and everything in processes started inside the block, compute in `count` threads.

    For many processes side by side.  Variables of the environment change meanwhile: not for the node, whose
    other threads may read them.
    """
    import cv2

    drawing, before = cv2.getNumThreads(), {name: os.environ.get(name) for name in _VARIABLES}
    cv2.setNumThreads(count)
    os.environ.update(dict.fromkeys(_VARIABLES, str(count)))
    try:
        with limited_threads(count):
            yield
    finally:
        cv2.setNumThreads(drawing)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
