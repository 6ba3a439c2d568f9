"""The seams of the pipeline, with methods that are made for the test."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.methods import METHOD_NAMES
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.evidence import CROP_SIZE, Evidence, build_evidence
from scorehoi_ros.frame.look import Eyes
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.frame.stages import ContactMasks, Method, Prediction, Proposal, Refined
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.load import check_device, load_pipeline
from scorehoi_ros.methods.registry import METHODS, make_method
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.perception.human.placing import place_person
from scorehoi_ros.types import Estimate, Floor, Masks, ObjectPose, Status
from tests.synthetic import Scene, TruthfulDetector, make_scene

BODY, BOX = free_body(), load_template("box:0.40x0.30x0.20")
LAYER, POSED = BodyLayer(BODY), PosedBody(BODY)
SCENE: Scene = make_scene(BODY, BOX)
TRUE_OBJECT = ObjectPose(
    matrix_to_rotation_6d(torch.as_tensor(SCENE.T_cam_object[:3, :3])).numpy(), SCENE.T_cam_object[:3, 3]
)


def evidence_of(with_object: bool) -> Evidence:
    masks = SCENE.frame.masks if with_object else replace(SCENE.frame.masks, object=None)
    person = place_person(POSED, SCENE.seen.landmarks, SCENE.frame.camera.K, None)
    evidence = build_evidence(SCENE.frame, masks, SCENE.seen.landmarks, person)
    assert evidence is not None
    return evidence


@dataclass
class Recorder:
    """An estimator and a refiner in one that say what they were given and answer as told."""

    contacts: ContactMasks | None = None
    memory: Any = None

    def __post_init__(self) -> None:
        self.evidence: list[Evidence] = []
        self.predictions: list[Prediction | None] = []
        self.proposals: list[Proposal] = []
        self.floors: list[Floor | None] = []

    def propose(self, evidence: Evidence, prediction: Prediction | None) -> Proposal:
        self.evidence.append(evidence)
        self.predictions.append(prediction)
        thing = TRUE_OBJECT if evidence.object is not None else None
        best = Estimate(evidence.person, thing)
        return Proposal((best, replace(best, object=None)), (0.9, 0.1), features="c_I")

    def refine(
        self, proposal: Proposal, evidence: Evidence, floor: Floor | None, prediction: Prediction | None
    ) -> Refined:
        self.evidence.append(evidence)
        self.proposals.append(proposal)
        self.floors.append(floor)
        return Refined(proposal.best, self.contacts, memory=self.memory)

    def pipeline(self) -> Pipeline:
        config = PipelineConfig()
        eyes = Eyes(TruthfulDetector(SCENE.seen), None, POSED)
        method = Method(self.propose, self.refine)
        return Pipeline(config, BODY, BOX, eyes, LAYER, lambda *_: method, method)


def masks_at(human: list[int], thing: list[int], ground: list[int]) -> ContactMasks:
    def mask(count: int, chosen: list[int]) -> torch.Tensor:
        values = torch.full((count,), 0.1)
        values[chosen] = 0.9
        return values

    return ContactMasks(mask(431, human), mask(64, thing), mask(64, ground))


def test_what_the_method_says_about_contacts_is_published() -> None:
    token = int(np.flatnonzero(BODY.regions[BODY.token_ids] == BODY.region_names.index("head"))[0])
    recorder = Recorder(masks_at([token], [3, 5], [7]))
    result, _ = recorder.pipeline().step(SCENE.frame, None)
    contact = result.contact
    assert contact is not None and contact.source == "predicted"
    assert BODY.token_ids[token] in contact.human_vertices
    assert contact.body_parts[0] == "head", "nothing near the head touches by geometry"
    np.testing.assert_array_equal(contact.object_points, BOX.points[[3, 5]])
    np.testing.assert_array_equal(contact.floor_points, BOX.points[[7]])
    assert set(np.round(contact.human_probabilities, 3)) == {0.9}
    assert (contact.human_id, contact.object_id) == ("human_1", "object_1")


def test_contacts_of_a_method_without_opinion_are_measured() -> None:
    result, _ = Recorder().pipeline().step(SCENE.frame, None)
    assert result.contact is not None and result.contact.source == "geometry"
    assert any("hand" in part for part in result.contact.body_parts)


def test_one_evidence_serves_estimator_and_refiner() -> None:
    recorder = Recorder()
    recorder.pipeline().step(SCENE.frame, None)
    first, second = recorder.evidence
    assert first is second
    assert first.landmarks is not None and first.human is not None and first.object is not None
    assert first.image.shape == (CROP_SIZE, CROP_SIZE, 3) and first.image.dtype == torch.uint8
    seen = first.image.numpy().reshape(-1, 3)
    for colour in np.unique(SCENE.frame.rgb.reshape(-1, 3), axis=0):
        assert (np.abs(seen.astype(int) - colour).sum(1) < 5).any(), "the crop shows person and object"
    assert recorder.proposals[0].features == "c_I"
    assert recorder.floors[0] is not None


def test_prediction_tells_shape_and_memory() -> None:
    recorder = Recorder(memory={"x_t": 7})
    pipeline = recorder.pipeline()
    first, state = pipeline.step(SCENE.frame, None)
    assert first.human is not None and first.human.status == Status.OK, first.message
    pipeline.step(replace(SCENE.frame, stamp_ns=100_000_000), state)
    assert recorder.predictions[0] is None
    prediction = recorder.predictions[1]
    assert prediction is not None and prediction.memory == {"x_t": 7}
    np.testing.assert_array_equal(prediction.betas, first.human.betas)


def test_an_object_alone_reaches_the_method_without_a_floor() -> None:
    recorder = Recorder()
    pipeline = recorder.pipeline()
    alone = replace(pipeline, eyes=replace(pipeline.eyes, detector=TruthfulDetector(None)))
    masks = Masks(None, SCENE.frame.masks.object, 0.0, 1.0)
    result, _ = alone.step(replace(SCENE.frame, masks=masks), None)
    assert result.status == Status.OK and result.humans == () and len(result.objects) == 1
    assert recorder.evidence[0].landmarks is None and recorder.evidence[0].person is None
    assert recorder.floors == [None]


def test_nothing_in_view_asks_no_method() -> None:
    recorder = Recorder()
    pipeline = recorder.pipeline()
    blind = replace(pipeline, eyes=replace(pipeline.eyes, detector=TruthfulDetector(None)))
    result, _ = blind.step(replace(SCENE.frame, masks=Masks()), None)
    assert result.status == Status.ABSENT and recorder.evidence == []


def test_a_lost_frame_keeps_the_memory_of_the_method() -> None:
    recorder = Recorder(memory="M")
    pipeline = recorder.pipeline()
    _, state = pipeline.step(SCENE.frame, None)
    blind = replace(pipeline, eyes=replace(pipeline.eyes, detector=TruthfulDetector(None)))
    gone, state = blind.step(replace(SCENE.frame, stamp_ns=100_000_000, masks=Masks()), state)
    assert gone.status == Status.LOST and state.memory == "M"


def test_a_human_that_nobody_saw_is_not_published() -> None:
    """A method that invents a person from a mask alone."""
    recorder = Recorder()
    pipeline = recorder.pipeline()
    person = evidence_of(with_object=False).person
    invent = Method(lambda *_: Proposal((Estimate(person, TRUE_OBJECT),)), recorder.refine)
    blind = replace(pipeline, method=invent, eyes=replace(pipeline.eyes, detector=TruthfulDetector(None)))
    _, tracked = pipeline.step(SCENE.frame, None)
    for state, count in ((None, 0), (tracked, 1)):
        result, after = blind.step(replace(SCENE.frame, stamp_ns=100_000_000), state)
        assert result.estimate is not None and result.estimate.human is None and result.floor is None
        assert len(result.humans) == count and result.contacts == ()
        assert all(human.status == Status.LOST for human in result.humans)
        assert after.human is None or after.human.seen_ns == 0


@pytest.mark.parametrize("pixels", [[(100, 100)], [(100, 100), (400, 400)], [(1, 1), (1, 2), (2, 1), (2, 2)]])
def test_a_mask_of_a_few_pixels_is_none(pixels: list[tuple[int, int]]) -> None:
    mask = np.zeros(SCENE.frame.rgb.shape[:2], bool)
    for row, column in pixels:
        mask[row, column] = True
    pipeline = make_fit_pipeline()
    result, _ = pipeline.step(replace(SCENE.frame, masks=Masks(None, mask)), None)
    assert result.object is not None and result.object.status == Status.ABSENT


def test_scattered_pixels_do_not_break_a_frame() -> None:
    mask = np.zeros(SCENE.frame.rgb.shape[:2], bool)
    mask[::80, ::80] = True
    assert mask.sum() > 16
    result, _ = make_fit_pipeline().step(replace(SCENE.frame, masks=Masks(None, mask)), None)
    assert result.status != Status.BAD_INPUT, result.message


def test_an_object_alone_stays_in_the_room() -> None:
    mask = np.zeros(SCENE.frame.rgb.shape[:2], bool)
    mask[200:205, 200:205] = True
    result, _ = make_fit_pipeline().step(replace(SCENE.frame, masks=Masks(None, mask)), None)
    assert result.object is not None and result.object.T_cam_object[2, 3] < 12


def make_fit_pipeline() -> Pipeline:
    """The optimiser, with nobody in view."""
    config = PipelineConfig()
    eyes = Eyes(TruthfulDetector(None), None, POSED)
    return Pipeline(config, BODY, BOX, eyes, LAYER, make_method, make_method(BODY, BOX, config))


def test_landmarks_that_were_not_found_may_be_nan() -> None:
    landmarks = SCENE.seen.landmarks
    pixels, confidence = landmarks.pixels.copy(), landmarks.confidence.copy()
    pixels[5], confidence[5] = np.nan, 0.0
    K = SCENE.frame.camera.K
    holed = place_person(POSED, replace(landmarks, pixels=pixels, confidence=confidence), K, None)
    assert np.linalg.norm(holed.t_cam - place_person(POSED, landmarks, K, None).t_cam) < 0.02


def test_settings_of_load_pipeline() -> None:
    with pytest.raises(InputError, match="heigth_m"):
        load_pipeline(heigth_m=1.8)
    pipeline = load_pipeline(PipelineConfig(height_m=1.8), object="ball:0.22", segmenter="none")
    assert pipeline.template is not None and pipeline.config.height_m == 1.8
    pipeline.close()


def test_evidence_goes_to_a_device_whole() -> None:
    def tensors(value: Any) -> list[torch.Tensor]:
        if isinstance(value, torch.Tensor):
            return [value]
        parts = vars(value).values() if hasattr(value, "__dataclass_fields__") else []
        return [tensor for part in parts for tensor in tensors(part)]

    def asked(evidence: Evidence) -> Evidence:
        """With the parts that are made when they are asked for."""
        assert evidence.image is not None
        for part in (evidence.human, evidence.object):
            assert part is not None and len(part.points) and len(part.outline.extent)
            assert part.distance.shape == part.from_mask.shape
        return evidence

    evidence = asked(evidence_of(with_object=True))
    moved = asked(evidence.to("meta"))
    assert len(tensors(moved)) == len(tensors(evidence)) > 15
    assert {tensor.device.type for tensor in tensors(moved)} == {"meta"}
    assert evidence.K_crop.device.type == "cpu"


def test_registry_has_the_methods_of_the_setting() -> None:
    assert tuple(METHODS) == METHOD_NAMES
    for name in METHOD_NAMES:
        method = make_method(BODY, BOX, PipelineConfig(method=name))
        assert callable(method.estimator) and callable(method.refiner)


def test_another_template_shares_the_rest() -> None:
    pipeline = Recorder().pipeline()
    ball = load_template("ball:0.2")
    other = pipeline.for_template(ball)
    assert other.config.object == "ball:0.2"
    assert other.template is ball and pipeline.template is BOX
    assert other.eyes is pipeline.eyes and other.layer is pipeline.layer


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        Recorder().pipeline().step(SCENE.frame, None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["tpu", "cuda:99", ""])
def test_devices_that_are_not_there(name: str) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        check_device(name)
