"""One frame in, one reconstruction out; the live node and the offline labeller both call `Pipeline.step`."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.posed import human_mesh
from scorehoi_ros.config.pipeline import PipelineConfig, parse_box
from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.frame import summary
from scorehoi_ros.frame import track as temporal
from scorehoi_ros.frame.evidence import Evidence, Silhouette, build_evidence
from scorehoi_ros.frame.stages import Estimator, Prediction, Refined, Refiner
from scorehoi_ros.frame.track import TrackState
from scorehoi_ros.geometry.camera import check_size, undistort_frame, validate_camera
from scorehoi_ros.methods.fit.joint import floor_under
from scorehoi_ros.methods.fit.solver import FitSolver
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.human import MediapipeHuman
from scorehoi_ros.perception.observe import ObjectMemory, ObjectSighting, human_mask, see_object
from scorehoi_ros.perception.protocols import HumanDetector, Segmenter
from scorehoi_ros.perception.segmenter import make_segmenter
from scorehoi_ros.timing import StageTimer
from scorehoi_ros.types import (
    Estimate,
    Floats,
    Floor,
    Frame,
    HumanObservation,
    Masks,
    Prompt,
    Reconstruction,
    Status,
)

_LEVEL_UP = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class _ObjectScene:
    """What is known about the object when a frame is summed up."""

    template: ObjectTemplate
    T: Floats | None
    """(4, 4) T_cam_object of the estimate, None without."""
    mask: Silhouette | None
    tracked: bool
    vertices: Floats
    """(V, 3) human mesh, camera frame."""


@dataclass(frozen=True)
class Pipeline:
    """The stages of the reconstruction; holds no memory between frames."""

    config: PipelineConfig
    body: BodyModel
    template: ObjectTemplate | None
    detector: HumanDetector
    segmenter: Segmenter | None
    estimator: Estimator
    refiner: Refiner
    layer: BodyLayer

    def step(
        self, frame: Frame, state: TrackState | None, prompt: Prompt | None = None
    ) -> tuple[Reconstruction, TrackState]:
        """Reconstruct one frame.

        `state` comes from the previous call, None = start afresh; it is dropped when time goes back, after a
        long gap, or when the camera changes.  `prompt` says where the object is in this frame.  A frame that
        cannot be used gives status BAD_INPUT and the state as it was; nothing is raised for it.
        """
        timer = StageTimer()
        known = state if temporal.fits(state, frame, self.config.max_gap_s) else None
        try:
            check_frame(frame)
            flat = undistort_frame(frame)
            result, appearance = self._reconstruct(flat, known, prompt or self._first_prompt(known), timer)
        except ScorehoiError as error:
            result = _empty(frame, Status.BAD_INPUT, str(error))
            return replace(result, stage_ms=timer.ms), state or temporal.begin(frame)
        return replace(result, stage_ms=timer.ms), temporal.advance(known, frame, result, appearance)

    def close(self) -> None:
        """Free the native resources of the detector."""
        self.detector.close()

    def _first_prompt(self, state: TrackState | None) -> Prompt | None:
        # The configured box describes the start of a track only.
        if temporal.object_was_tracked(state) or not self.config.prompt_box:
            return None
        return Prompt(box=parse_box(self.config.prompt_box))

    def _reconstruct(
        self, frame: Frame, state: TrackState | None, prompt: Prompt | None, timer: StageTimer
    ) -> tuple[Reconstruction, Floats | None]:
        prediction = temporal.predict(state, frame.stamp_ns) if state is not None else None
        with timer("detect_human"):
            seen = self.detector.detect(frame.rgb)
        if seen is None:
            return self._nobody(frame, prediction), None
        masks = human_mask(frame, seen)
        with timer("fit_human"):
            evidence = build_evidence(frame, replace(masks, object=None), seen.landmarks)
            betas = state.betas if state is not None else None
            estimate = self.estimator.human(evidence, prediction, betas)
        sighting = ObjectSighting(masks)
        if self.template is not None:
            with timer("segment_object"):
                memory = _memory(state, prediction, estimate)
                sighting = see_object(frame, masks, self.segmenter, prompt, self.template, estimate, memory)
        evidence = build_evidence(frame, sighting.masks, seen.landmarks)
        if evidence.object is not None:
            with timer("fit_object"):
                estimate = self.estimator.object(estimate, evidence, prediction)
        with timer("refine"):
            floor = self._floor(estimate)
            refined = self.refiner(estimate, evidence, floor, prediction, betas is not None)
        with timer("summarise"):
            result = self._summarise(frame, sighting.masks, seen, evidence, refined, state)
        return result, sighting.appearance

    def _summarise(
        self,
        frame: Frame,
        masks: Masks,
        seen: HumanObservation,
        evidence: Evidence,
        refined: Refined,
        state: TrackState | None,
    ) -> Reconstruction:
        estimate = refined.estimate
        mesh = human_mesh(self.layer, estimate)
        floor = self._floor(estimate, mesh[0])
        T = summary.object_transform(estimate) if estimate.R_o is not None else None
        landmarks = body_landmarks(self.body, mesh)
        agreement = summary.measure_agreement(mesh[0], landmarks, T, self.body, self.template, evidence)
        status, message = summary.human_status(agreement, self.config)
        result = Reconstruction(
            stamp_ns=frame.stamp_ns,
            frame_id=frame.frame_id,
            name=frame.name,
            camera=frame.camera,
            status=status,
            message=message,
            human=summary.human_state(estimate, mesh, status, agreement, seen.landmarks),
            floor=floor,
            estimate=estimate,
            masks=masks,
            landmarks=seen.landmarks,
            quality=_quality(agreement, refined.energy),
        )
        if self.template is None:
            return result
        tracked = temporal.object_was_tracked(state)
        scene = _ObjectScene(self.template, T, evidence.object, tracked, mesh[0])
        return self._with_object(result, estimate, agreement, scene)

    def _with_object(
        self, result: Reconstruction, estimate: Estimate, agreement: summary.Agreement, scene: _ObjectScene
    ) -> Reconstruction:
        """Add the object's state and contacts; the frame's status is the worse of the two."""
        status, why = self._object_status(agreement, scene)
        message = "; ".join(part for part in (result.message, why) if part)
        result = replace(result, status=max(result.status, status), message=message)
        if status > Status.UNTRUSTED or scene.T is None or scene.mask is None:
            human_only = replace(estimate, R_o=None, t_o=None)
            lost = summary.missing_object(scene.template, status)
            return replace(result, object=lost, estimate=human_only)
        contacts, depth = summary.find_contacts(
            scene.vertices, scene.T, result.floor, self.body, scene.template
        )
        state = summary.object_state(estimate, scene.template, status, agreement, scene.mask)
        quality = result.quality | {"penetration_mm": depth * 1e3}
        return replace(result, object=state, contacts=contacts, quality=quality)

    def _object_status(self, agreement: summary.Agreement, scene: _ObjectScene) -> tuple[Status, str]:
        if scene.T is not None and scene.mask is not None:
            return summary.object_status(agreement, scene.mask.score, scene.tracked, self.config)
        if scene.tracked:
            return Status.LOST, "the object was tracked and is not found"
        return Status.ABSENT, "the object is not found: give a prompt box, a mask, or show it closer"

    def _nobody(self, frame: Frame, prediction: Prediction | None) -> Reconstruction:
        tracked = prediction is not None
        status = Status.LOST if tracked else Status.ABSENT
        message = "the person was tracked and is not found" if tracked else "nobody is in view"
        result = _empty(frame, status, message)
        lost_object = prediction is not None and prediction.estimate.R_o is not None
        if self.template is not None:
            object_status = Status.LOST if lost_object else Status.ABSENT
            result = replace(result, object=summary.missing_object(self.template, object_status))
        return replace(result, human=summary.lost_human() if tracked else None)

    def _floor(self, estimate: Estimate, vertices: np.ndarray | None = None) -> Floor:
        if vertices is None:
            vertices = human_mesh(self.layer, estimate)[0]
        up = -np.asarray(self.config.gravity, dtype=np.float64) if self.config.gravity else _LEVEL_UP
        return floor_under(torch.as_tensor(vertices), up, "gravity" if self.config.gravity else "guess")


def build_pipeline(config: PipelineConfig) -> Pipeline:
    """Load everything that the configuration names; raises ScorehoiError with what is missing or wrong."""
    # Tensors here are small: one thread beats two that wait for each other (measured, up to 9 times).
    torch.set_num_threads(1)
    body = load_body(config.body_model or None)
    template = load_template(config.object) if config.object else None
    segmenter = make_segmenter(config)
    solver = FitSolver(body, template, config)
    return Pipeline(config, body, template, MediapipeHuman(), segmenter, solver, solver, BodyLayer(body))


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


def body_landmarks(body: BodyModel, mesh: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """(75, 3) MediaPipe points of a posed mesh: vertices (V, 3) and joints (52, 3)."""
    m = body.landmarks
    return m.joint_weights @ mesh[1] + m.vertex_weights @ mesh[0][m.vertex_ids]


def _memory(state: TrackState | None, prediction: Prediction | None, now: Estimate) -> ObjectMemory:
    if state is None or prediction is None:
        return ObjectMemory()
    return ObjectMemory(prediction.object_hypotheses(now), state.appearance)


def _quality(agreement: summary.Agreement, energy: dict[str, float]) -> dict[str, float]:
    measured = {
        "human_iou": agreement.human_iou,
        "object_iou": agreement.object_iou,
        "keypoint_px": agreement.keypoint_px,
        "energy_first": energy.get("first"),
        "energy_last": energy.get("last"),
    }
    return {name: float(value) for name, value in measured.items() if value is not None}


def _empty(frame: Frame, status: Status, message: str) -> Reconstruction:
    return Reconstruction(frame.stamp_ns, frame.frame_id, frame.name, frame.camera, status, message)
