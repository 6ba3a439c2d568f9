"""Stages of the methods on frames of the demo's own clip, with given landmarks and masks: no perception."""

from collections.abc import Generator, Sequence
from dataclasses import replace

import torch

from scorehoi_ros.bench.case import Setting, Values, repeated, timed
from scorehoi_ros.bench.clip import there_and_back
from scorehoi_ros.config.methods import RegressConfig
from scorehoi_ros.demo.own import own_samples, told_by_user
from scorehoi_ros.evaluate.methods import GivenLandmarks
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.networks.pair import Pair
from scorehoi_ros.runtime.contact import blank_pair, load_contact

FRAMES = 8
"""First frames of the clip, there and back."""
CLIP_FPS = 12.0
"""As the clip was made."""
LIVE = "live"
"""Size of the networks that the live node uses."""


def stage(
    setting: Setting,
    method: str,
    stages: Sequence[str],
    network: RegressConfig,
    tracked: bool = False,
    most: int | None = None,
) -> Values:
    """Time that a method spends in stages of a frame; `most` limits the repetitions.

    `tracked`: each frame follows the one before; else each is a start of its own.  Raises WeightsError
    without the method's weights.
    """
    runs = _frames(setting, method, stages, network, tracked)
    try:
        return timed(runs, min(setting.repeat, most or setting.repeat))
    finally:
        runs.close()


def contact(setting: Setting) -> Values:
    """Time of one answer of the contact predictor about one state of random numbers."""
    touch, dice = load_contact(LIVE, device=setting.device), torch.Generator().manual_seed(0)
    device = torch.device(setting.device)
    pair = Pair(*(torch.randn(1, *v.shape[1:], generator=dice).to(device) for v in blank_pair(LIVE)))

    def ask() -> None:
        touch(pair).human.cpu()

    return timed(repeated(ask), setting.repeat)


def _frames(
    setting: Setting, method: str, stages: Sequence[str], network: RegressConfig, tracked: bool
) -> Generator[float, None, None]:
    """Milliseconds of the stages, frame after frame."""
    samples = own_samples(FRAMES)
    told = told_by_user(samples[0])
    pipeline = load_pipeline(
        object=told["object"],
        gravity=told["gravity"],
        method=method,
        device=setting.device,
        threads=setting.threads,
        regress=network,
    )
    state = None
    try:
        for sample in there_and_back(samples, CLIP_FPS):
            assert sample.seen is not None
            eyes = replace(pipeline.eyes, detector=GivenLandmarks(sample.seen))
            seeing = replace(pipeline, eyes=eyes)
            result, state = seeing.step(sample.frame, state if tracked else None)
            yield sum(result.stage_ms[name] for name in stages)
    finally:
        pipeline.close()
