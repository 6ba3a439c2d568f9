"""Stages of the methods on frames of the demo's own clip, with given landmarks and masks: no perception."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import cycle

import torch

from scorehoi_ros.bench.case import Setting, Values, repeated, timed
from scorehoi_ros.config.methods import RegressConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.demo.own import own_samples, told_by_user
from scorehoi_ros.evaluate.methods import GivenLandmarks
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.networks.pair import Pair
from scorehoi_ros.runtime.contact import blank_pair, load_contact

FRAMES = 8
"""First frames of the clip, in turn; each is a start of its own, without a frame before."""
LIVE = "live"
"""Size of the networks that the live node uses."""


def stage(
    setting: Setting,
    method: str,
    stages: Sequence[str],
    size: str = LIVE,
    hypotheses: int = 4,
    most: int | None = None,
) -> Values:
    """Time that a method spends in stages of a cold frame; `most` limits the repetitions.

    Raises WeightsError without the method's weights, InputError for a device that this machine lacks.
    """
    repeat = min(setting.repeat, most or setting.repeat)
    runs = _cold_frames(setting, method, stages, RegressConfig(size=size, hypotheses=hypotheses))
    try:
        return timed(runs, repeat)
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


def _cold_frames(
    setting: Setting, method: str, stages: Sequence[str], network: RegressConfig
) -> Generator[float, None, None]:
    """Milliseconds of the stages, frame after frame."""
    samples = own_samples(FRAMES)
    told = told_by_user(samples[0])
    pipeline = load_pipeline(
        PipelineConfig(
            object=told["object"],
            gravity=told["gravity"],
            method=method,
            device=setting.device,
            threads=setting.threads,
            regress=network,
        )
    )
    try:
        for sample in cycle(samples):
            assert sample.seen is not None
            eyes = replace(pipeline.eyes, detector=GivenLandmarks(sample.seen))
            result, _ = replace(pipeline, eyes=eyes).step(sample.frame, None)
            yield sum(result.stage_ms[name] for name in stages)
    finally:
        pipeline.close()
