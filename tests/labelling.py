"""`scorehoi label` in tests: a made-up pipeline and painter, inputs, and what comes out."""

import argparse
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rosbags.highlevel import AnyReader

from scorehoi_ros.commands import label as command
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError, TemplateError
from scorehoi_ros.frame import track
from scorehoi_ros.frame.glimpse import Glimpse, LastGlimpse
from scorehoi_ros.frame.track import TrackState
from scorehoi_ros.types import Estimate, Frame, HumanPose, Prompt, Reconstruction
from tests.reconstructions import FakeBody, FakeTemplate, lost, pair

SIZE = (48, 64)
COUNT = 24
"""Of noisy images."""


class FakePipeline:
    """Counts the frames of a track; LOST at the third, unusable at the fifth."""

    built: list[str] = []

    def __init__(self, config: PipelineConfig) -> None:
        if config.object.startswith("broken"):
            raise TemplateError("no such object")
        FakePipeline.built.append(config.object)
        self.config = config
        self.body = FakeBody()
        self.template = FakeTemplate(label=config.object or "none") if config.object else None
        self.closed = False

    def glimpse(self, frame: Frame, before: LastGlimpse | None, prompt: Prompt | None = None) -> Glimpse:
        return Glimpse(frame, frame, None)

    def reconstruct(
        self, seen: Glimpse, state: TrackState | None, prompt: Prompt | None = None
    ) -> tuple[Reconstruction, TrackState]:
        frame = seen.frame
        known = track.current(state, frame, self.config.max_gap_s)
        number = int(known.memory or 0) + 1
        if number == 5:
            raise InputError("the fifth frame is not liked")
        r = (lost if number == 3 else pair)(0, frame.stamp_ns)
        r = replace(
            r,
            name=frame.name,
            frame_id=frame.frame_id,
            camera=frame.camera,
            message=f"n={number}",
            flat=frame.rgb,
            objects=tuple(replace(o, label=self.config.object) for o in r.objects),
        )
        return r, track.advance(known, r, memory=number)

    def mesh_of(self, human: HumanPose) -> tuple[np.ndarray, np.ndarray]:
        return self.body.v_template + human.t_cam, np.zeros((52, 3)) + human.t_cam

    def adjusted(self, config: PipelineConfig) -> None:
        """Everything is loaded anew."""

    def close(self) -> None:
        self.closed = True


def draw(rgb: np.ndarray, r: Reconstruction, body: Any, template: Any) -> np.ndarray:
    return np.full((*rgb.shape[:2], 3), 10 * int(r.status), np.uint8)


def run(*arguments: str, build: Any = FakePipeline) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    parser.add_argument("--json")
    FakePipeline.built = []
    return command.run_with(parser.parse_args(list(arguments)), build, draw)


def images(folder: Path, stems: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, stem in enumerate(stems):
        cv2.imwrite(str(folder / f"{stem}.png"), np.full((*SIZE, 3), 10 * index, np.uint8))
    return folder


def interactions(out: Path) -> int:
    with AnyReader([out / "labels.mcap"]) as reader:
        return sum(c.topic.endswith("interaction") for c, _, _ in reader.messages())


def summary_of(out: Path) -> dict[str, Any]:
    return json.loads((out / "summary.json").read_text())


@dataclass(frozen=True)
class Chain:
    """What a method may leave: every frame changes it, and the next one depends on it."""

    estimate: Estimate
    same: HumanPose
    weights: torch.Tensor
    turned: np.ndarray


class Chained(FakePipeline):
    """Says a number that depends on every frame before."""

    delay_s = 0.0

    def reconstruct(self, seen: Glimpse, state: Any, prompt: Any = None) -> tuple[Reconstruction, Any]:
        before = state.memory if state is not None and isinstance(state.memory, Chain) else None
        time.sleep(self.delay_s)
        if int(seen.frame.name) % 7 == 5:
            raise RuntimeError("a fault")
        r, after = super().reconstruct(seen, None if state is None else replace(state, memory=None), prompt)
        pose = HumanPose(np.full((52, 6), 0.1 * len(r.name)), np.arange(10.0), np.array([0.1, 0.2, 3.0]))
        if before is not None:
            assert before.same is before.estimate.human
            # the sum of a transposed array rounds as its memory lies
            pose = replace(
                pose, theta=np.sin(before.same.theta + before.turned.sum() + float(before.weights[0]))
            )
        turned = np.random.default_rng(int(seen.frame.name)).normal(size=(5, 7)).T
        memory = Chain(Estimate(pose), pose, torch.tensor([pose.theta[0, 0]]) * 1.7, turned)
        r = replace(r, message=repr(float(pose.theta.sum())), estimate=Estimate(pose, None))
        return r, replace(after, memory=memory)


def stopped_at(name: str, *signals: int) -> type[Chained]:
    class Stopped(Chained):
        def reconstruct(self, seen: Glimpse, state: Any, prompt: Any = None) -> tuple[Reconstruction, Any]:
            for number in signals if seen.frame.name == name else ():
                os.kill(os.getpid(), number)
            return super().reconstruct(seen, state, prompt)

    return Stopped


def noisy(folder: Path, count: int = COUNT) -> Path:
    rng = np.random.default_rng(0)
    for path in images(folder, [f"{i:02d}" for i in range(count)]).iterdir():
        cv2.imwrite(str(path), rng.integers(0, 255, (48, 64, 3), np.uint8))
    return folder


def content(out: Path) -> dict[str, Any]:
    """Every output file in bytes; of the summary what is not a time of this machine."""
    files: dict[str, Any] = {
        str(p.relative_to(out)): p.read_bytes()
        for p in sorted(out.rglob("*"))
        if p.is_file() and p.name != "summary.json"
    }
    summary = summary_of(out)
    rows = [row | {"ms": None} for row in summary.pop("frames")]
    summary.pop("latency_ms")
    return files | {"summary": summary, "rows": rows}
