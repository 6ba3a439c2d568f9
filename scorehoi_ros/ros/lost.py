"""Images that were published and never reached the node; plain Python.

DDS says nothing of them: a best-effort image of many packets is gone with one of them, and where the node
takes images more slowly than they come, newer ones replace those that wait.  But publishers number them.
"""

from collections.abc import Mapping
from typing import Any

FARTHEST = 1000
"""A larger gap in the numbers is another publisher."""
SHARE = 0.2
"""From this share of lost images on something should be done."""


class LostImages:
    """Counts gaps in the numbers of the images of one publisher."""

    def __init__(self) -> None:
        self._last: int | None = None

    def before(self, info: Mapping[str, Any], publishers: int) -> int:
        """How many images were lost just before one; 0 when nobody can tell: `publishers` on its topic."""
        number, last = info.get("publication_sequence_number"), self._last
        self._last = number if publishers == 1 else None
        gap = 0 if number is None or last is None else int(number) - last - 1
        return gap if 0 < gap <= FARTHEST else 0


def lost_text(rates: Mapping[str, str], topic: str) -> str:
    """What to do about them, by the rates of the diagnostics; empty while few are lost."""
    lost, came = float(rates["lost_per_s"]), float(rates["in_per_s"])
    if lost <= SHARE * (lost + came):
        return ""
    return (
        f"{lost:.1f} of {lost + came:.1f} images a second on {topic} do not reach the node: they are too "
        "large or too many for DDS or for this processor, and services answer late; publish smaller or "
        "fewer images, or use a compressed transport"
    )
