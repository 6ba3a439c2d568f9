"""The time in which a track lives: stamps of images as cameras give them, made to go on."""

from dataclasses import dataclass
from typing import Literal

DISORDER_NS = 100_000_000
"""Stamps that go back by at most this much are messages out of order; by more, a bag that loops or a seek."""

NOMINAL_NS = 33_333_333
"""What is taken to pass where stamps say nothing and arrivals neither: a frame of a usual camera."""
BURST_NS = 10_000_000
"""Images that come closer together than this were held up on their way, and came at once."""

Order = Literal["on", "late", "back"]
"""Time goes on; the image is older than the one before it, slightly; time starts anew."""


@dataclass(frozen=True)
class Moment:
    """An image in the time of the track."""

    time_ns: int
    """Later than that of every image before it since time last started anew."""
    order: Order = "on"
    passed_ns: int = 0
    """Since the image before; 0 when time starts anew."""
    still: bool = False
    """The stamp said nothing (zero, or that of the image before), so that times of arrival had to do."""


@dataclass(frozen=True)
class Reading:
    """A stamp with the moment that was given to it."""

    stamp_ns: int
    arrived_ns: int | None
    moment: Moment


class TrackClock:
    """Gives each image its moment, in order of arrival.

    Stamps that advance are the time.  Zero or equal stamps say nothing: the time between arrivals passes
    (`NOMINAL_NS` where that is not known, or they came in a burst), and also at the next stamp that advances,
    if it is less: stamps in whole seconds stand still and then jump.  Only differences matter, so the time
    may drift from the stamps.
    """

    def __init__(self, last: Reading | None = None) -> None:
        self.last = last

    def take(self, stamp_ns: int, arrived_ns: int | None) -> Moment:
        """The moment of the next image; `arrived_ns` on any clock that goes on, None = not known.

        A late image moves nothing: its moment is just after that of the newest one before it.
        """
        last = self.last
        first = Moment(stamp_ns, still=stamp_ns == 0)
        moment = first if last is None else _after(last, stamp_ns, arrived_ns)
        if moment.order != "late":
            self.last = Reading(stamp_ns, arrived_ns, moment)
        return moment


def _after(last: Reading, stamp_ns: int, arrived_ns: int | None) -> Moment:
    step, before = stamp_ns - last.stamp_ns, last.moment
    waited = 0 if arrived_ns is None or last.arrived_ns is None else arrived_ns - last.arrived_ns
    passed = waited if waited >= BURST_NS else NOMINAL_NS
    if step == 0 or stamp_ns == 0:
        return Moment(before.time_ns + passed, passed_ns=passed, still=True)
    if before.still and arrived_ns is not None and (step > 0 or last.stamp_ns == 0):
        step = min(step, passed)
    if step > 0:
        return Moment(before.time_ns + step, passed_ns=step)
    if step >= -DISORDER_NS:
        return Moment(before.time_ns + 1, "late")
    return Moment(stamp_ns, "back")
