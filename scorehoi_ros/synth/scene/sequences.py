"""Sequences by number: an object is picked up, carried, put down, moved in one hand, or sat on."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.synth.scene.camera import draw_view
from scorehoi_ros.synth.scene.contact import Touch, examine
from scorehoi_ros.synth.scene.draft import Draft
from scorehoi_ros.synth.scene.generate import Source, rounded
from scorehoi_ros.synth.scene.motion import skin_points
from scorehoi_ros.synth.scene.plots import PLOTS, RATE_HZ, Director
from scorehoi_ros.synth.scene.shots import truth_of
from scorehoi_ros.synth.scene.workshop import Workshop, open_workshop
from scorehoi_ros.synth.splits import VERSION, body_rng, split_id
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.threads import limited_threads

SHORTEST_S, LONGEST_S = 2.0, 6.0
ATTEMPTS = 6
_MOST_BAD = 0.1
"""Share of frames that may have a fault; else the sequence is made again, and the best one is kept."""


@dataclass(frozen=True)
class _Take:
    """One attempt: its frames, solved, and what the full mesh says of them."""

    frames: list[Draft]
    touches: list[Touch]

    @property
    def faulty(self) -> float:
        """Share of frames with faults."""
        return float(np.mean([bool(touch.faults) for touch in self.touches]))

    @property
    def score(self) -> float:
        """Mean score of the frames; 0 = good."""
        return float(np.mean([touch.score for touch in self.touches]))


def generate_sequence(
    split: str, number: int, version: int = VERSION, source: Source | None = None
) -> list[SceneTruth]:
    """The frames of one sequence at `plots.RATE_HZ`, from a camera that stands still.

    The same split, number and version give the same frames.  Raises InputError like `generate.generate`.
    """
    split_id(split)
    source = source or Source()
    shop = open_workshop(split, source.poses)
    with limited_threads(1):
        return _truths(shop, best_take(shop, split, number, version, source), split, number, version)


def best_take(shop: Workshop, split: str, number: int, version: int, source: Source) -> _Take:
    """The first attempt that is good enough, or the best of all."""
    takes: list[_Take] = []
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng([version, split_id(split), number, 555, attempt])
        takes.append(
            _take(Director(shop, split, rng, body_rng(version, split, 10**6 + number), source), number)
        )
        if takes[-1].faulty <= _MOST_BAD:
            break
    return min(takes, key=lambda take: take.faulty + 0.2 * take.score)


def _take(director: Director, number: int) -> _Take:
    count = round(director.rng.uniform(SHORTEST_S, LONGEST_S) * RATE_HZ)
    # what happens depends on the number alone, or easy sequences would drive out hard ones
    frames = PLOTS[number % len(PLOTS)](director, count)
    for frame in frames:
        rounded(frame)
    return _Take(frames, examine(director.shop.layer, director.shop.body, frames))


def _truths(shop: Workshop, take: _Take, split: str, number: int, version: int) -> list[SceneTruth]:
    rng = np.random.default_rng([version, split_id(split), number, 77])
    shown = take.frames[:: max(len(take.frames) // 4, 1)]
    things = np.concatenate([frame.world_points(frame.template.points) for frame in shown])
    view = draw_view(np.concatenate([skin_points(shop, shown)[0].reshape(-1, 3), things]), split, rng)
    seed = (version * 10 + split_id(split)) * 10**9 + 5 * 10**8 + number * 1000
    return [
        truth_of(frame, touch, view, f"{split}/seq{number:03d}/{k:04d}", seed + k, split)
        for k, (frame, touch) in enumerate(zip(take.frames, take.touches, strict=True))
    ]
