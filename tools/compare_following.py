"""Compare following a person from frame to frame with looking afresh at every frame.

    python tools/compare_following.py --own VIDEO_OR_FOLDER ...

Prints figures of each clip.  Pixels are those of an image in which the person's longer side is 256.  CPU time
is that of the whole process; both ways take turns at each frame and so share what else the machine does.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from photo_folders import overlap
from tqdm import tqdm

from scorehoi_ros.demo.own import own_samples
from scorehoi_ros.io.frames import camera_for
from scorehoi_ros.io.images import open_images
from scorehoi_ros.io.video.reader import open_video
from scorehoi_ros.perception.human.detector import BODY, MediapipeHuman
from scorehoi_ros.perception.human.hand_turns import HAND_ROWS
from scorehoi_ros.perception.observe import own_mask
from scorehoi_ros.types import Floats, Frame, HumanObservation

SIDE = 256.0
SURE = 0.5
"""Points are compared where both ways are this sure of them."""


@dataclass(frozen=True)
class Sight:
    """What one way saw in a frame."""

    seen: HumanObservation | None
    ms: float
    """CPU time."""

    @property
    def hands_sought(self) -> int | None:
        """Hands looked for: two by a look afresh, at most one while following; None = there is nobody."""
        trail = self.seen.trail if self.seen is not None else None
        return None if trail is None else trail.hand_sought.count(0)


Pair = tuple[HumanObservation, HumanObservation]


def watch(frames: Iterable[NDArray[np.uint8]], detector: MediapipeHuman) -> tuple[list[Sight], list[Sight]]:
    """The clip looked at afresh in every frame, and followed."""
    afresh, followed = [], []
    before = None
    for rgb in frames:
        afresh.append(timed_look(detector, rgb, None))
        followed.append(timed_look(detector, rgb, before))
        before = followed[-1].seen
    return afresh, followed


def timed_look(detector: MediapipeHuman, rgb: NDArray[np.uint8], before: HumanObservation | None) -> Sight:
    """One call of the detector."""
    start = time.process_time()
    seen = detector.detect(rgb, before)
    return Sight(seen, 1e3 * (time.process_time() - start))


def figures(afresh: Sequence[Sight], followed: Sequence[Sight]) -> dict[str, str]:
    """Name of a figure -> its text."""
    pairs = [(a.seen, f.seen) for a, f in zip(afresh, followed, strict=True) if a.seen and f.seen]
    body = [difference(pair, BODY) for pair in pairs]
    quarter = max(len(pairs) // 4, 1)
    hands = np.concatenate([difference(pair, rows) for pair in pairs for rows in HAND_ROWS])
    both = (afresh, followed)
    return {
        "frames": f"{len(afresh)}",
        "with a person": _two(f"{sum(s.seen is not None for s in way)}" for way in both),
        "looked at afresh": _two(f"{sum(s.hands_sought in (None, 2) for s in way)}" for way in both),
        "body px, median / 95 %": _percentiles(np.concatenate(body), 50, 95),
        "first / last quarter, median": _two(
            f"{np.median(np.concatenate(part)):.2f}" for part in (body[:quarter], body[-quarter:])
        ),
        "mask IoU, median / 5 %": _percentiles(np.array([agreement(pair) for pair in pairs]), 50, 5),
        "body acceleration px": _two(f"{acceleration(way):.2f}" for way in both),
        "hands in view": _two(f"{hand_share(way):.2f}" for way in both),
        "hand px, median / 95 %": _percentiles(hands, 50, 95),
        "CPU ms afresh, 5 % / median": cpu_ms(afresh, None),
        "CPU ms followed without a hand": cpu_ms(followed, 0),
        "CPU ms followed with one hand": cpu_ms(followed, 1),
        "CPU ms followed, mean / mean afresh": _two(
            f"{np.mean([s.ms for s in way if s.seen]):.1f}" for way in (followed, afresh)
        ),
    }


def difference(pair: Pair, rows: slice) -> Floats:
    """(n,) distances in pixels of SIDE between points that both are sure of."""
    one, other = (seen.landmarks for seen in pair)
    sure = (one.confidence[rows] >= SURE) & (other.confidence[rows] >= SURE)
    return np.asarray(np.linalg.norm(one.pixels[rows] - other.pixels[rows], axis=1)[sure] * scale(pair[0]))


def scale(seen: HumanObservation) -> float:
    """Pixels of SIDE in one of the image."""
    return SIDE / max(float(np.ptp(seen.landmarks.pixels[BODY], axis=0).max()), 1.0)


def agreement(pair: Pair) -> float:
    """Overlap of both masks."""
    one, other = (mask for seen in pair if (mask := own_mask(seen)) is not None)
    return overlap(one, other)


def acceleration(way: Sequence[Sight]) -> float:
    """Median length of the second difference of sure body points, in pixels of SIDE per frame squared."""
    lengths = []
    for three in zip(way, way[1:], way[2:], strict=False):
        seen = [sight.seen for sight in three if sight.seen is not None]
        if len(seen) == 3:
            first, middle, last = (s.landmarks.pixels[BODY] for s in seen)
            sure = np.min([s.landmarks.confidence[BODY] for s in seen], axis=0) >= SURE
            lengths.append(np.linalg.norm(first - 2 * middle + last, axis=1)[sure] * scale(seen[1]))
    return float(np.median(np.concatenate(lengths))) if lengths else np.nan


def hand_share(way: Sequence[Sight]) -> float:
    """Share of the hands of people in view that have points."""
    found = [s.seen.landmarks.confidence[rows].any() for s in way if s.seen for rows in HAND_ROWS]
    return float(np.mean(found)) if found else np.nan


def cpu_ms(way: Sequence[Sight], hands: int | None) -> str:
    """Text: 5th percentile, which other processes disturb least, and median, of frames with so many hands."""
    times = [s.ms for s in way if s.seen is not None and hands in (None, s.hands_sought)]
    return _two(f"{np.percentile(times, rank):.1f}" for rank in (5, 50)) if times else "-"


def _two(texts: Iterable[str]) -> str:
    return " / ".join(texts)


def _percentiles(values: Floats, *ranks: float) -> str:
    return _two(f"{np.percentile(values, rank):.2f}" for rank in ranks) if len(values) else "-"


def pictures(path: Path) -> Iterator[NDArray[np.uint8]]:
    """The images of a folder, or the frames of a video."""
    source = (open_images if path.is_dir() else open_video)(path, camera_for(""))
    for frame in tqdm(source.frames(), desc=path.stem, total=source.count):
        if isinstance(frame, Frame):
            yield frame.rgb


def main() -> int:
    """Look, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="*", help="videos, or folders of images in order")
    parser.add_argument("--own", action="store_true", help="also the clip of the demo")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    with MediapipeHuman() as detector:
        columns = {path.stem: figures(*watch(pictures(path), detector)) for path in args.clips}
        if args.own:
            columns["demo"] = figures(*watch((s.frame.rgb for s in own_samples()), detector))
    lines = ["| afresh / followed | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in next(iter(columns.values())):
        lines.append(f"| {name} | " + " | ".join(texts[name] for texts in columns.values()) + " |")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
