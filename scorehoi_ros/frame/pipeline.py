"""One frame in, one reconstruction out; the live node and the offline labeller both call `Pipeline.step`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.posed import human_mesh
from scorehoi_ros.config.pipeline import PipelineConfig, parse_box
from scorehoi_ros.errors import ScorehoiError
from scorehoi_ros.frame import track
from scorehoi_ros.frame.bad_input import bad_input
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.glimpse import Glimpse, LastGlimpse, glimpse
from scorehoi_ros.frame.look import Eyes, Known, look
from scorehoi_ros.frame.stages import Method, Prediction, Proposal, Refined, looks_closely
from scorehoi_ros.frame.subject import Subject
from scorehoi_ros.frame.summary import summarise
from scorehoi_ros.frame.track import TrackState
from scorehoi_ros.frame.upright import floor_of
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.close_look import Aside
from scorehoi_ros.threads import limited_threads
from scorehoi_ros.timing import StageTimer
from scorehoi_ros.types import Estimate, Floats, Floor, Frame, HumanPose, Prompt, Reconstruction

OF_EACH_FRAME = ("gravity", "max_gap_s", "min_probability", "prompt_box")
"""Settings that are read with each frame, by nobody before."""
OF_THE_METHOD = ("fit", "regress", "score", "height_m")
"""Settings, or groups of them, that a method is built with."""
MakeMethod = Callable[[BodyModel, ObjectTemplate | None, PipelineConfig], Method]


@dataclass(frozen=True)
class Pipeline:
    """Looking, estimating, refining and summing up, in this order; holds no memory between frames.

    A step has two halves, so that the next frame can be looked at while this one is solved.
    """

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
        last = None if state is None else state.last_glimpse
        return self.reconstruct(self.glimpse(frame, last, prompt), state, prompt)

    def glimpse(self, frame: Frame, before: LastGlimpse | None, prompt: Prompt | None = None) -> Glimpse:
        """The first half of a step, which needs no solution of earlier frames; see `frame.glimpse`."""
        if prompt is None and before is None and self.config.prompt_box:
            prompt = Prompt(box=parse_box(self.config.prompt_box))
        with limited_threads(self.config.threads):
            return glimpse(frame, before, self.eyes.detector, prompt)

    def reconstruct(
        self, seen: Glimpse, state: TrackState | None, prompt: Prompt | None = None
    ) -> tuple[Reconstruction, TrackState]:
        """The second half of a step; the stage times are those of both halves."""
        if seen.problem:
            return bad_input(seen.frame, seen.problem), state or track.begin(seen.frame)
        timer = StageTimer(seen.ms)
        try:
            with limited_threads(self.config.threads):
                result, after = self._reconstruct(seen, state, prompt, timer)
        except ScorehoiError as error:
            result, after = bad_input(seen.frame, str(error)), state or track.begin(seen.frame)
        return replace(result, stage_ms=timer.ms), replace(after, last_glimpse=seen.last)

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

    def mesh_of(self, human: HumanPose) -> tuple[Floats, Floats]:
        """Vertices (V, 3) float32 and joints (52, 3) of a pose, in the camera frame."""
        return human_mesh(self.layer, human)

    def close(self) -> None:
        """Free the native resources of the detector."""
        self.eyes.detector.close()

    def _reconstruct(
        self, glimpsed: Glimpse, state: TrackState | None, prompt: Prompt | None, timer: StageTimer
    ) -> tuple[Reconstruction, TrackState]:
        frame = glimpsed.flat
        known = track.heard(track.current(state, frame, self.config.max_gap_s), frame)
        prediction = track.predict(known, frame.stamp_ns)
        appearance = known.object.appearance if known.object is not None else None
        prompt = prompt or self._first_prompt(known, prediction)
        told = Known(self.template, prediction, appearance, prompt, known.aside)
        seen = look(frame, glimpsed.seen, self.eyes, told, timer)
        # A direction that the user gave wins over what TF says.
        gravity = self.config.gravity or (() if frame.gravity is None else frame.gravity)
        refined, mended = self._solve(seen.evidence, prediction, gravity, timer)
        if mended is not None:
            seen = replace(seen, evidence=mended.to("cpu"), mended=True)
        with timer("summarise"):
            subject = Subject(self.config, self.body, self.layer, self.template, gravity)
            result = summarise(frame, seen, refined, subject, known)
        after = track.advance(known, result, seen.appearance, refined.memory)
        return result, replace(after, aside=known.aside and Aside(wanted=seen.wanted))

    def _first_prompt(self, known: TrackState, prediction: Prediction | None) -> Prompt | None:
        # The configured box describes the start of a track only.
        if known.object is not None or not self.config.prompt_box:
            return None
        return Prompt(box=parse_box(self.config.prompt_box), closely=looks_closely(prediction))

    def _solve(
        self,
        evidence: Evidence | None,
        prediction: Prediction | None,
        gravity: Sequence[float] | Floats,
        timer: StageTimer,
    ) -> tuple[Refined, Evidence | None]:
        """Estimate and refine what the evidence shows; also the evidence as the method mended it."""
        if evidence is None:
            return Refined(Estimate(), memory=prediction.memory if prediction is not None else None), None
        evidence = evidence.to(self.config.device)
        with timer("estimate"):
            proposal = self.method.estimator(evidence, prediction)
        with timer("refine"):
            floor = self._floor(proposal, gravity)
            refined = self.method.refiner(proposal, proposal.evidence or evidence, floor, prediction)
        return refined, proposal.evidence

    def _floor(self, proposal: Proposal, gravity: Sequence[float] | Floats) -> Floor | None:
        if proposal.best.human is None:
            return None
        mesh = human_mesh(self.layer, proposal.best.human)
        return floor_of(proposal.best, mesh, self.template, proposal.contacts, gravity)
