"""How old a frame is; plain Python."""

from dataclasses import dataclass

OTHER_CLOCK_NS = 3_600_000_000_000
FUTURE_NS = 50_000_000


@dataclass(frozen=True)
class Age:
    """Age of a frame in milliseconds."""

    ms: float
    from_arrival: bool
    """True when the stamp is of another clock (unset, a replayed bag), so that the arrival had to do."""


def age_of(stamp_ns: int, now_ns: int, received_ns: int, monotonic_ns: int) -> Age:
    """Capture to now; since arrival when the stamp is in the future or more than an hour old.

    `stamp_ns` and `now_ns` are of the node's clock, `received_ns` and `monotonic_ns` of the monotonic one.
    """
    age_ns = now_ns - stamp_ns
    if -FUTURE_NS <= age_ns <= OTHER_CLOCK_NS:
        return Age(max(age_ns, 0) * 1e-6, False)
    return Age((monotonic_ns - received_ns) * 1e-6, True)
