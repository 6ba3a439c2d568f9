"""One worker thread with a one-slot newest-frame mailbox; plain Python, knows nothing of ROS.

A camera at 30 Hz and a fit of 200 ms: working inside the subscription callback blocks services for as long as
the fit, and queues old frames.  Here a newer frame replaces the waiting one (the older is counted as
dropped), and commands (reset, new prompt, new template) run between two frames in the same thread, so that
the tracking state has one owner and needs no lock.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

RECENT = 4
"""Items of which the shortest says how soon the next one may be wanted."""
Item = TypeVar("Item")
Command = Callable[[], None]


@dataclass(frozen=True)
class Counts:
    """How many items came, were worked on to the end, were replaced by a newer one, and raised."""

    submitted: int = 0
    done: int = 0
    dropped: int = 0
    failed: int = 0


def joined(counts: Sequence[Counts]) -> Counts:
    """Of workers of which each hands on to the next what it is done with."""
    if not counts:
        return Counts()
    dropped, failed = (sum(getattr(c, name) for c in counts) for name in ("dropped", "failed"))
    return Counts(counts[0].submitted, counts[-1].done, dropped, failed)


class Worker(Generic[Item]):
    """Runs `work(item)` for the newest item; `on_error(error)` gets whatever work or a command raises."""

    def __init__(
        self, work: Callable[[Item], None], on_error: Callable[[Exception], None], name: str = "worker"
    ) -> None:
        self._work, self._on_error = work, on_error
        self._condition = threading.Condition()
        self._slot: Item | None = None
        self._commands: deque[Command] = deque()
        self._busy = self._stopping = False
        self._submitted = self._done = self._dropped = self._failed = 0
        self._began_s = 0.0
        self._took_s: deque[float] = deque(maxlen=RECENT)
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> bool:
        """Put the newest item into the slot; True when it pushed out one that had not been started."""
        with self._condition:
            if self._stopping:
                return False
            replaced = self._slot is not None
            self._submitted += 1
            self._dropped += replaced
            self._slot = item
            self._condition.notify_all()
            return replaced

    def post(self, command: Command) -> None:
        """Run a command in the worker thread, after the item in progress and before the next one."""
        with self._condition:
            self._commands.append(command)
            self._condition.notify_all()

    def await_room(self, lead_s: float, timeout_s: float) -> bool:
        """Wait until a new item would be started within about `lead_s`; False = it would not, for too long.

        So whoever makes items makes them from what is newest then, and makes none that is thrown away.
        """
        with self._condition:
            if not self._condition.wait_for(lambda: self._slot is None or self._stopping, timeout_s):
                return False
            if self._busy and self._took_s and not self._stopping:
                left_s = min(self._took_s) - lead_s - (time.monotonic() - self._began_s)
                # not the condition's news, but the time, is waited for; a stop ends it early
                self._condition.wait_for(lambda: not self._busy or self._stopping, max(left_s, 0.0))
            return True

    def drain(self, timeout_s: float) -> bool:
        """Throw the waiting item away (counted as dropped) and wait for the thread; False = too slow."""
        with self._condition:
            self._dropped += self._slot is not None
            self._slot = None
            return self._condition.wait_for(lambda: not self._busy and not self._commands, timeout_s)

    def stop(self, timeout_s: float) -> bool:
        """Finish the item in progress, drop the waiting one, end the thread; False when it is too slow."""
        with self._condition:
            self._stopping = True
            self._dropped += self._slot is not None
            self._slot = None
            self._condition.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def busy(self) -> bool:
        """True while an item or a command is being worked on."""
        with self._condition:
            return self._busy

    def counts(self) -> Counts:
        """A consistent snapshot of the counters."""
        with self._condition:
            return Counts(self._submitted, self._done, self._dropped, self._failed)

    def _loop(self) -> None:
        while (job := self._next_job()) is not None:
            failed = False
            try:
                job()
            except Exception as error:
                failed = True
                self._on_error(error)
            finally:
                self._finish(job, failed)

    def _next_job(self) -> Command | None:
        """Block until there is a command or an item; None = stop.  Commands posted before stop still run."""
        with self._condition:
            self._condition.wait_for(lambda: self._stopping or self._commands or self._slot is not None)
            if self._commands:
                self._busy = True
                return self._commands.popleft()
            if self._stopping or self._slot is None:
                return None
            item, self._slot, self._busy = self._slot, None, True
            self._began_s = time.monotonic()
            self._condition.notify_all()
            return _ItemJob(self._work, item)

    def _finish(self, job: Command, failed: bool) -> None:
        with self._condition:
            if isinstance(job, _ItemJob):
                self._took_s.append(time.monotonic() - self._began_s)
                self._done += not failed
                self._failed += failed
            self._busy = False
            self._condition.notify_all()


class _ItemJob(Generic[Item]):
    def __init__(self, work: Callable[[Item], None], item: Item) -> None:
        self._work, self._item = work, item

    def __call__(self) -> None:
        self._work(self._item)
