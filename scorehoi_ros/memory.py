"""Memory that is free in this process, given back to the system."""

import ctypes


def give_back() -> None:
    """Let the C library return free pages; does nothing where it cannot.

    Loading takes some hundred MiB more than what is loaded.  glibc keeps them in the arenas of the threads
    that loaded: a node that is configured again and again would grow, as each worker has another arena.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)
