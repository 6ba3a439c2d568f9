"""Who takes the slow looks that frames want, so that no frame of a track waits for them."""

import logging
from concurrent.futures import Executor, Future
from dataclasses import replace

from scorehoi_ros.frame.track import TrackState
from scorehoi_ros.perception.close_look import Answer, Aside

log = logging.getLogger(__name__)


class Errand:
    """One slow look at a time, by an executor; called from the one thread that owns it.

    Without an executor (None) frames take their slow looks themselves, and say the same on every run.
    """

    def __init__(self, executor: Executor | None) -> None:
        self._executor = executor
        self._pending: Future[Answer] | None = None

    def told(self, state: TrackState | None, listens: bool) -> TrackState | None:
        """The state for a frame; one that `listens` hears, once, what a look has found meanwhile."""
        if state is None or self._executor is None:
            return state
        return replace(state, aside=Aside(self._answer() if listens else None))

    def sent(self, state: TrackState) -> TrackState:
        """The state after a frame without the look that it wanted, which is now taken.

        While one is on its way no other is sent for: a newer frame will want one.
        """
        wanted = None if state.aside is None else state.aside.wanted
        if wanted is not None and self._executor is not None and self._pending is None:
            self._pending = self._executor.submit(wanted)
        return replace(state, aside=None)

    def forget(self) -> None:
        """Nobody wants to hear of the look that is on its way."""
        if self._pending is not None:
            self._pending.cancel()
        self._pending = None

    def _answer(self) -> Answer | None:
        pending = self._pending
        if pending is None or not pending.done():
            return None
        self._pending = None
        error = pending.exception()
        if error is not None:
            log.error("a slow look at the object failed: %s", error, exc_info=error)
            return None
        return pending.result()
