"""Interrupts of long work, so that what is finished is closed and kept."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_log = logging.getLogger(__name__)


class Interrupts:
    """What SIGINT and SIGTERM do while `interrupts` is on; made by it.

    Before `begin` the first one raises KeyboardInterrupt.  After it the first one is only noted, and the
    second one raises, but not while something is held.  None raises twice.
    """

    def __init__(self) -> None:
        self.seen = 0
        self._begun = self._raised = False
        self._holds = 0

    def begin(self) -> None:
        """There is something finished from now on, or soon will be."""
        self._begun = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """A second interrupt waits until the block has ended."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
        self._raise_if_due()

    def last(self) -> None:
        """From now on nothing raises: what is left to do is short."""
        self._raised = True

    def note(self, *_: Any) -> None:
        """The signal handler."""
        self.seen += 1
        if self._begun and self.seen == 1:
            _log.warning("finishing the current frame; interrupt again to stop at once")
        self._raise_if_due()

    def _raise_if_due(self) -> None:
        if self.seen > self._begun and not self._holds and not self._raised:
            self._raised = True
            raise KeyboardInterrupt


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Take over SIGINT and SIGTERM until the block ends; outside of the main thread nothing comes."""
    state = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield state
        return
    previous = {number: signal.signal(number, state.note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield state
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
