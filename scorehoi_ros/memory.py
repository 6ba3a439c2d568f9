"""Memory of a process that loads much once and then works on frames for hours."""

import ctypes
import gc


def settle() -> None:
    """Call when all is loaded: free pages go back, and the collector need not look at what stays.

    It would look at some hundred thousand objects in the middle of a frame.
    """
    give_back()
    gc.freeze()


def unsettle() -> None:
    """Call when what was loaded is dropped."""
    gc.unfreeze()
    give_back()


def give_back() -> None:
    """Let the C library return free pages; does nothing where it cannot.

    Loading takes some hundred MiB more than what is loaded.  glibc keeps them in the arenas of the threads
    that loaded: a node that is configured again and again would grow, as each worker has another arena.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)
