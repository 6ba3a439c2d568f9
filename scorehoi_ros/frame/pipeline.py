"""One frame in, one reconstruction out; the live node and the offline labeller both call `Pipeline.step`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.posed import human_mesh
from scorehoi_ros.config.pipeline import PipelineConfig, parse_box
from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.frame import track
from scorehoi_ros.frame.bad_input import bad_input
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.look import Eyes, Known, look
from scorehoi_ros.frame.stages import Method, Prediction, Proposal, Refined
from scorehoi_ros.frame.subject import Subject
from scorehoi_ros.frame.summary import summarise
from scorehoi_ros.frame.track import TrackState
from scorehoi_ros.frame.upright import floor_of
from scorehoi_ros.geometry.camera import check_size, undistort_frame, validate_camera
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.threads import limited_threads
from scorehoi_ros.timing import StageTimer
from scorehoi_ros.types import Estimate, Floats, Floor, Frame, Prompt, Reconstruction

OF_EACH_FRAME = ("gravity", "max_gap_s", "min_probability", "prompt_box")
"""Settings that are read with each frame, by nobody before."""
OF_THE_METHOD = ("fit", "regress", "score", "height_m")
"""Settings, or groups of them, that a method is built with."""
MakeMethod = Callable[[BodyModel, ObjectTemplate | None, PipelineConfig], Method]


@dataclass(frozen=True)
class Pipeline:
    """Looking, estimating, refining and summing up, in this order; holds no memory between frames."""

    config: PipelineConfig
    body: BodyModel
    template: ObjectTemplate | None
    eyes: Eyes
    layer: BodyLayer
    make_method: MakeMethod
    method: Method

    def step(
        self, frame: Frame, state: TrackState | None, prompt: Prompt | None = None
    ) -> tuple[Reconstruction, TrackState]:
        """Reconstruct one frame.

        `state` comes from the previous call, None = start afresh; it is dropped when time goes back, after a
        long gap, or when the camera changes.  `prompt` says where the object is in this frame.  A frame that
        cannot be used gives status BAD_INPUT and the state as it was; nothing is raised for it.
        """
        timer = StageTimer()
        try:
            check_frame(frame)
            with limited_threads(self.config.threads):
                result, after = self._reconstruct(undistort_frame(frame), state, prompt, timer)
        except ScorehoiError as error:
            result, after = bad_input(frame, str(error)), state or track.begin(frame)
        return replace(result, stage_ms=timer.ms), after

    def for_template(self, template: ObjectTemplate | None) -> "Pipeline":
        """The same pipeline looking for another object: the method is built anew, the rest is shared.

        A state of before belongs to the other object: start with None.
        """
        config = self.config.looking_for("" if template is None else template.source)
        method = self.make_method(self.body, template, config)
        return replace(self, config=config, template=template, method=method)

    def adjusted(self, config: PipelineConfig) -> "Pipeline | None":
        """The same pipeline with other settings; None when something else has to be loaded for them.

        What is read with each frame costs nothing; a method is made anew from what is loaded.  Raises what
        the method's `build` raises.
        """
        changed = {f.name for f in fields(config) if getattr(config, f.name) != getattr(self.config, f.name)}
        if not changed <= {*OF_EACH_FRAME, *OF_THE_METHOD}:
            return None
        anew = not changed.isdisjoint(OF_THE_METHOD)
        method = self.make_method(self.body, self.template, config) if anew else self.method
        return replace(self, config=config, method=method)

    def close(self) -> None:
        """Free the native resources of the detector."""
        self.eyes.detector.close()

    def _reconstruct(
        self, frame: Frame, state: TrackState | None, prompt: Prompt | None, timer: StageTimer
    ) -> tuple[Reconstruction, TrackState]:
        known = track.current(state, frame, self.config.max_gap_s)
        prediction = track.predict(known, frame.stamp_ns)
        appearance = known.object.appearance if known.object is not None else None
        prompt = prompt or self._first_prompt(known)
        seen = look(frame, self.eyes, Known(self.template, prediction, appearance, prompt), timer)
        # A direction that the user gave wins over what TF says.
        gravity = self.config.gravity or (() if frame.gravity is None else frame.gravity)
        refined = self._solve(seen.evidence, prediction, gravity, timer)
        with timer("summarise"):
            subject = Subject(self.config, self.body, self.layer, self.template, gravity)
            result = summarise(frame, seen, refined, subject, known)
        return result, track.advance(known, result, seen.appearance, refined.memory)

    def _first_prompt(self, known: TrackState) -> Prompt | None:
        # The configured box describes the start of a track only.
        if known.object is not None or not self.config.prompt_box:
            return None
        return Prompt(box=parse_box(self.config.prompt_box))

    def _solve(
        self,
        evidence: Evidence | None,
        prediction: Prediction | None,
        gravity: Sequence[float] | Floats,
        timer: StageTimer,
    ) -> Refined:
        """Estimate and refine what the evidence shows."""
        if evidence is None:
            return Refined(Estimate(), memory=prediction.memory if prediction is not None else None)
        evidence = evidence.to(self.config.device)
        with timer("estimate"):
            proposal = self.method.estimator(evidence, prediction)
        with timer("refine"):
            floor = self._floor(proposal, gravity)
            return self.method.refiner(proposal, evidence, floor, prediction)

    def _floor(self, proposal: Proposal, gravity: Sequence[float] | Floats) -> Floor | None:
        if proposal.best.human is None:
            return None
        mesh = human_mesh(self.layer, proposal.best.human)
        return floor_of(proposal.best, mesh, self.template, proposal.contacts, gravity)


def check_frame(frame: Frame) -> None:
    """Raise InputError or CameraError when the image or its calibration cannot be used."""
    rgb = frame.rgb
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or min(rgb.shape[:2]) < 1:
        raise InputError(
            "an image must be (height, width, 3) uint8 RGB with at least one pixel. "
            f"Got {rgb.shape} {rgb.dtype}."
        )
    validate_camera(frame.camera)
    height, width = rgb.shape[:2]
    check_size(frame.camera, width, height)
    for name, plane in (
        ("depth", frame.depth),
        ("human mask", frame.masks.human),
        ("object mask", frame.masks.object),
    ):
        if plane is not None and plane.shape != (height, width):
            raise InputError(f"the {name} must have the image's size {(height, width)}. Got {plane.shape}.")
        if plane is not None and name != "depth" and plane.dtype != np.bool_:
            raise InputError(f"the {name} must be bool. Got {plane.dtype}; give `mask > 127`.")
