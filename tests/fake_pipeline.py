"""A pipeline that says in its message what it was given.

Its stage "load" says which loading it comes from.  In the environment `FAKE_DELAY_S` makes it slow,
`FAKE_VERTICES` gives it another body.
"""

import dataclasses
import itertools
import os
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import TemplateError
from scorehoi_ros.frame import track
from scorehoi_ros.frame.glimpse import Glimpse, LastGlimpse
from scorehoi_ros.frame.track import TrackState
from scorehoi_ros.types import (
    Contacts,
    Estimate,
    Frame,
    HumanPose,
    HumanState,
    ObjectPose,
    ObjectState,
    Prompt,
    Reconstruction,
    Status,
)

NUM_VERTICES = 13_524


def make_body() -> Any:
    rng = np.random.default_rng(0)
    count = int(os.environ.get("FAKE_VERTICES", NUM_VERTICES))
    return SimpleNamespace(
        name="fake",
        version="0" * 64,
        v_template=rng.normal(size=(count, 3)).astype(np.float32),
        faces=rng.integers(0, count, (2 * count - 48, 3)).astype(np.int32),
        joint_names=tuple(f"joint_{i}" for i in range(52)),
        parents=np.arange(-1, 51, dtype=np.int32),
        region_names=("left_hand", "rest"),
        regions=np.zeros(count, np.uint8),
    )


def make_template(spec: str) -> Any:
    if spec.startswith("broken"):
        raise TemplateError(f'"{spec}" is not an object. Expected a family or a file.')
    vertices = 0.1 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    mesh = SimpleNamespace(vertices=vertices, faces=faces)
    return SimpleNamespace(template_id=f"id-{spec}", label=spec.split(":")[0], mesh=mesh)


@dataclass
class FakePipeline:
    config: PipelineConfig
    body: Any = field(default_factory=make_body)
    closed: bool = False
    load: int = field(default_factory=itertools.count(1).__next__)
    """Number of the loading that this pipeline comes from, in the process."""

    def __post_init__(self) -> None:
        self.template = make_template(self.config.object) if self.config.object else None
        self._delay_s = float(os.environ.get("FAKE_DELAY_S", "0"))

    def mesh_of(self, human: HumanPose) -> tuple[Any, Any]:
        return self.body.v_template + human.t_cam, np.zeros((52, 3)) + human.t_cam

    def close(self) -> None:
        self.closed = True

    def adjusted(self, config: PipelineConfig) -> "FakePipeline | None":
        """Other numbers will do for everything but another object; as for the real one."""
        same = dataclasses.replace(config, object=self.config.object, object_up=self.config.object_up)
        return dataclasses.replace(self, config=config) if same == config else None

    def glimpse(self, frame: Frame, before: LastGlimpse | None, prompt: Prompt | None = None) -> Glimpse:
        return Glimpse(frame, frame, None)

    def reconstruct(
        self, seen: Glimpse, state: TrackState | None, prompt: Prompt | None = None
    ) -> tuple[Reconstruction, TrackState]:
        frame = seen.frame
        time.sleep(self._delay_s)
        if int(frame.rgb.max()) == 255:
            raise RuntimeError("a fault of the fake pipeline")
        known = track.current(state, frame, self.config.max_gap_s)
        number = int(known.memory or 0) + 1
        words = [f"n={number}", f"it={self.config.fit.track_iterations}", *given(frame, prompt)]
        result = self._result(frame, " ".join(words), known)
        return result, track.advance(known, result, memory=number)

    def _result(self, frame: Frame, message: str, known: TrackState) -> Reconstruction:
        common: dict[str, Any] = {"stamp_ns": frame.stamp_ns, "frame_id": frame.frame_id, "name": frame.name}
        if not frame.rgb.any():
            return Reconstruction(**common, camera=frame.camera, status=Status.ABSENT, message=message)
        vertices = self.body.v_template + np.float32(frame.rgb[0, 0, 0])
        human_id, object_id = track.human_id(known), track.object_id(known)
        place = np.array([0, 0, 3.0])
        human = HumanState(
            human_id, Status.OK, 0.9, np.zeros(10), np.zeros((52, 3)), place, np.zeros((52, 3)), vertices
        )
        T = np.eye(4)
        T[:3, 3] = place
        template = self.template
        thing = template and ObjectState(
            object_id, Status.OK, 0.8, template.label, template.template_id, T, np.eye(6) * 1e-4
        )
        contacts = Contacts(
            np.array([1, 2, 3], np.int32), np.ones(3), ("left_hand",), np.zeros((1, 3)), np.ones(1),
            np.zeros((0, 3)), np.zeros(0), human_id, object_id,
        )  # fmt: skip
        pose = HumanPose(np.zeros((52, 6)), np.zeros(10), place)
        return Reconstruction(
            **common, camera=frame.camera, status=Status.OK, message=message, humans=(human,),
            objects=(thing,) if thing else (), contacts=(contacts,) if thing else (),
            estimate=Estimate(pose, ObjectPose(np.zeros(6), place) if thing else None),
            stage_ms={"fake": 1e3 * self._delay_s, "load": self.load}, flat=frame.rgb,
        )  # fmt: skip


def given(frame: Frame, prompt: Prompt | None) -> list[str]:
    """What came with the image, in words."""
    words = [f"box={prompt.box.x0:g},{prompt.box.x1:g}"] if prompt and prompt.box else []
    words += [f"points={len(prompt.points)}"] if prompt and prompt.points is not None else []
    words += [f"beside={len(prompt.background)}"] if prompt and prompt.background is not None else []
    words += [f"depth={frame.depth.mean():.3f}"] if frame.depth is not None else []
    for name, mask in (("human_mask", frame.masks.human), ("object_mask", frame.masks.object)):
        words += [f"{name}={int(mask.sum())}"] if mask is not None else []
    words += ["gravity=" + ",".join(f"{v:.4f}" for v in frame.gravity)] if frame.gravity is not None else []
    return words


if __name__ == "__main__":
    import sys

    from scorehoi_ros.ros.app import run_node

    sys.exit(run_node(FakePipeline, sys.argv[1:]))
