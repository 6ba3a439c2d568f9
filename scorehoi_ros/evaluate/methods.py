"""What can be measured, behind one protocol: the pipeline's methods, the truth, a guess."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.methods import METHOD_NAMES
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.datasets.dataset import Human, Sample
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate.scores import Answer
from scorehoi_ros.frame.track import TrackState
from scorehoi_ros.geometry.rigid import make_transform
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.perception.protocols import NO_HINT
from scorehoi_ros.types import Floats, Hint, HumanObservation, HumanPose, Ints, Reconstruction, Status

BLIND_PLACE = np.array([0.0, 0.0, 3.0])
"""Pelvis of the blind guess, metres in front of the camera."""
_USABLE = (Status.OK, Status.UNTRUSTED)


class Method(Protocol):
    """Something that reconstructs frames."""

    def answer(self, sample: Sample, state: Any) -> tuple[Answer, Any]:
        """The answer for one frame; `state` is what this returned for the frame before, None = first."""
        ...

    def close(self) -> None:
        """Free native resources."""
        ...


@dataclass(frozen=True)
class Setting:
    """What all methods of a run share."""

    config: PipelineConfig
    body: BodyModel
    given_landmarks: bool = True
    """Use landmarks that come with the data instead of the detector, where there are any."""


class TruthMethod:
    """Answers with the truth: shows that the ruler reads zero."""

    def __init__(self, setting: Setting) -> None:
        pass

    def answer(self, sample: Sample, state: Any) -> tuple[Answer, Any]:
        """The truth."""
        return Answer(sample.truth.human, sample.truth.T_cam_object, 0.0), None

    def close(self) -> None:
        """Nothing to free."""


class MeanPoseMethod:
    """Answers with the mean body in its rest pose and an unturned object, both at their true places."""

    def __init__(self, setting: Setting) -> None:
        self._layer, self._body = BodyLayer(setting.body), setting.body

    def answer(self, sample: Sample, state: Any) -> tuple[Answer, Any]:
        """Mean body and unturned object."""
        truth = sample.truth
        human = mean_human(self._layer, self._body, truth.human.joints[0])
        return Answer(human, make_transform(np.eye(3), truth.T_cam_object[:3, 3]), 0.0), None

    def close(self) -> None:
        """Nothing to free."""


class PipelineMethod:
    """The whole pipeline with one of its methods: detector or given landmarks, given masks.

    `changes` are values of the method's recipe that are to be others than its own.
    """

    def __init__(self, name: str, setting: Setting, changes: Mapping[str, Any] | None = None) -> None:
        self._given = setting.given_landmarks
        config = replace(setting.config, object="", method=name)
        self._pipeline = load_pipeline(config, changes=changes)

    def answer(self, sample: Sample, state: Any) -> tuple[Answer, Any]:
        """The result of one step of the pipeline."""
        result, state, ms = self.step(sample, state)
        return answer_from(result, self._pipeline.body.faces, ms), state

    def step(self, sample: Sample, state: TrackState | None) -> tuple[Reconstruction, TrackState, float]:
        """What the pipeline says of a frame, the state after it, and its milliseconds."""
        template = sample.truth.template
        if self._pipeline.template is None or self._pipeline.template.template_id != template.template_id:
            # What depends on the object is made anew outside the measured time.
            self._pipeline = self._pipeline.for_template(template)
        pipeline = self._pipeline
        if self._given and sample.seen is not None:
            pipeline = replace(pipeline, eyes=replace(pipeline.eyes, detector=GivenLandmarks(sample.seen)))
        start = time.perf_counter()
        result, state = pipeline.step(sample.frame, state)
        return result, state, 1e3 * (time.perf_counter() - start)

    def mesh_of(self, human: HumanPose) -> tuple[Floats, Floats]:
        """See `Pipeline.mesh_of`."""
        return self._pipeline.mesh_of(human)

    def close(self) -> None:
        """Free the detector."""
        self._pipeline.close()


class GivenLandmarks:
    """A detector that reports what came with the data."""

    def __init__(self, seen: HumanObservation) -> None:
        self._seen = seen

    def detect(
        self, rgb: NDArray[np.uint8], before: HumanObservation | None = None, hint: Hint = NO_HINT
    ) -> HumanObservation | None:
        """The observation of the sample, whatever the image."""
        return self._seen

    def close(self) -> None:
        """Nothing to free."""


METHODS: dict[str, Callable[[Setting], Method]] = {
    **{name: partial(PipelineMethod, name) for name in METHOD_NAMES},
    "truth": TruthMethod,
    "mean-pose": MeanPoseMethod,
}
"""Name -> how to make it: every method of the pipeline, and what they are compared with."""


def parse_methods(text: str) -> list[str]:
    """Names separated by commas; raises InputError listing the methods when one is unknown."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in METHODS]
    if unknown or not names:
        wrong = f"unknown: {', '.join(unknown)}" if unknown else "none was given"
        raise InputError(f"--method takes names separated by commas; {wrong}. Methods: {', '.join(METHODS)}.")
    return list(dict.fromkeys(names))


def make_methods(names: Sequence[str], setting: Setting) -> dict[str, Method]:
    """The methods of these names, built."""
    return {name: METHODS[name](setting) for name in names}


def body_of(config: PipelineConfig) -> BodyModel:
    """The body model that the configuration names."""
    return load_body(config.body_model or None)


def mean_human(layer: BodyLayer, body: BodyModel, root: Floats) -> Human:
    """Mean body in its rest pose, upright and facing a level camera, with the pelvis at `root` (3,)."""
    pose = torch.zeros(52, 3)
    pose[0, 0] = np.pi
    with torch.no_grad():
        arrays = layer(
            axis_angle_to_matrix(pose)[None],
            torch.zeros(1, 10),
            torch.as_tensor(root, dtype=torch.float32)[None],
        )
    vertices, joints = (a[0].numpy().astype(np.float64) for a in arrays)
    return Human(vertices, body.faces, joints)


def blind_human(body: BodyModel) -> Human:
    """The guess that stands in for a missing answer."""
    return mean_human(BodyLayer(body), body, BLIND_PLACE)


def answer_from(result: Reconstruction, faces: Ints, ms: float) -> Answer:
    """An answer from a reconstruction: what is ABSENT, LOST or BAD_INPUT is missing, UNTRUSTED counts.

    `faces` (F, 3) are those of the body model that the reconstruction was made with.
    """
    human = thing = None
    if result.human is not None and result.human.status in _USABLE:
        vertices = result.human.vertices.astype(np.float64)
        human = Human(vertices, faces, result.human.joints)
    if result.object is not None and result.object.status in _USABLE:
        thing = np.asarray(result.object.T_cam_object, np.float64)
    return Answer(human, thing, ms, result.message)
