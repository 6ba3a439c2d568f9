"""The demo's clip without an end: forwards and backwards, so that the motion never jumps."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.demo.clip import FIRST_STAMP_NS, FRAME_ID
from scorehoi_ros.synth.scene.plots import RATE_HZ


def there_and_back(samples: Sequence[Sample], fps: float) -> Iterator[Sample]:
    """To the last sample, back to the first, and again, without end, as a camera of `fps` sees it.

    The motion has its own speed: where the camera is faster than the clip, pictures repeat.
    """
    turn = [*range(len(samples)), *range(len(samples) - 2, 0, -1)]
    for k in count():
        sample = samples[turn[int(k * RATE_HZ / fps) % len(turn)]]
        stamp = FIRST_STAMP_NS + round(k * 1e9 / fps)
        yield replace(sample, frame=replace(sample.frame, stamp_ns=stamp, frame_id=FRAME_ID))
