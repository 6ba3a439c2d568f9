"""Masks as people bring them: crumbs, slivers, masks that lie off, masks that claim the same pixels."""

from functools import cache

import cv2
import numpy as np
import pytest
import torch

from scorehoi_ros.evaluate.metrics import mask_iou
from scorehoi_ros.frame.evidence import build_evidence
from scorehoi_ros.frame.mask_check import MOVED_SCORE, Checked, checked
from scorehoi_ros.frame.mask_tidy import SIDE, unwanted
from scorehoi_ros.interaction.depth_order import find_order
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.sensor.observe import Observation, observe
from scorehoi_ros.types import Bools, Camera, Frame, Masks
from tests.synth_scenes import body, scene, template


@cache
def seen(ahead: float = 0.3) -> Observation:
    """A person with a box before the belly, or behind the back."""
    return observe(scene(ahead=ahead), body(), template(), Style())


def check(human: Bools | None, thing: Bools | None, own: Bools | None = None, scale: int = 1) -> Checked:
    """Of a picture `scale` times as large."""
    truth = scene()
    size = (scale * truth.width, scale * truth.height)
    rgb = seen().rgb
    assert rgb is not None
    large = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    masks = Masks(resized(human, size), resized(thing, size))
    return checked(Frame(large, Camera(truth.K, *size), 0, masks=masks), resized(own, size))


def resized(mask: Bools | None, size: tuple[int, int]) -> Bools | None:
    if mask is None:
        return None
    return np.asarray(cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)) > 0


def small(mask: Bools | None) -> Bools:
    """At the size of the scene."""
    assert mask is not None
    return cv2.resize(mask.view(np.uint8), (320, 240), interpolation=cv2.INTER_NEAREST).astype(bool)


def drawn(*boxes: tuple[int, int, int, int]) -> Bools:
    """(256, 256) with what is in the boxes x0, y0, x1, y1."""
    mask = np.zeros((SIDE, SIDE), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


PERSON = drawn((90, 60, 130, 140), (100, 30, 120, 60), (90, 140, 104, 230), (116, 140, 130, 230))
CRATE = drawn((124, 90, 180, 130))
"""Held before the person and beside."""


@pytest.mark.parametrize(
    ("mask", "other", "strip"),
    [
        (CRATE, PERSON & ~CRATE, drawn((87, 60, 90, 140))),
        (CRATE, PERSON, drawn((90, 60, 94, 140))),
        (CRATE, PERSON & ~CRATE, drawn((90, 145, 92, 225), (128, 145, 130, 225))),
        (PERSON & ~CRATE, CRATE, drawn((134, 130, 180, 133))),
        (PERSON, CRATE, drawn((134, 90, 180, 92))),
        (PERSON & ~CRATE, CRATE, drawn((20, 20, 24, 24), (200, 200, 205, 203))),
        (CRATE, PERSON & ~CRATE, drawn((100, 70, 101, 71), (200, 60, 205, 64))),
        (PERSON, None, drawn((200, 100, 206, 106))),
    ],
    ids=["beside", "on", "legs", "person's beside", "person's on", "crumbs", "tiny", "no other"],
)
def test_slivers_and_crumbs_go_and_nothing_else(mask: Bools, other: Bools | None, strip: Bools) -> None:
    lost = unwanted(mask | strip, other)
    assert lost is not None
    assert (lost & strip).sum() > 0.85 * strip.sum()
    assert (lost & mask & ~strip).sum() < 0.01 * mask.sum()


ARM = drawn((30, 100, 90, 107))
EDGE = drawn((90, 60, 93, 100), (90, 107, 93, 140), (90, 140, 93, 230))


@pytest.mark.parametrize("apart", [drawn(), drawn((40, 30, 60, 50))], ids=["one", "in two pieces"])
def test_a_sliver_that_fills_an_arm_or_a_foot_goes_as_a_whole(apart: Bools) -> None:
    """Also a foot that something in front cuts off; but nothing of the thing that shows beside the person."""
    foot = drawn((140, 228, 152, 236))
    thing, person = CRATE | apart, (PERSON | ARM) & ~CRATE | foot
    lost = unwanted(thing | EDGE | ARM | foot, person)
    assert lost is not None and (lost & (ARM | EDGE | foot)).sum() > 0.95 * (ARM | EDGE | foot).sum()
    assert not (lost & thing).any()


def test_what_lies_before_the_person_altogether_stays_but_for_its_sliver() -> None:
    box = drawn((98, 80, 122, 130))
    lost = unwanted(box | EDGE | ARM, PERSON | ARM)
    assert lost is not None and not (lost & box).any()


@pytest.mark.parametrize(
    ("mask", "other"),
    [
        (PERSON & ~CRATE, CRATE),
        (CRATE, PERSON),
        (drawn((106, 40, 109, 200)), PERSON & ~drawn((106, 40, 109, 200))),
        (drawn((60, 95, 92, 98), (30, 85, 62, 107)), PERSON),
        (drawn((130, 100, 190, 103)), PERSON),
        (PERSON & ~CRATE | drawn((181, 100, 186, 106)), CRATE),
        (CRATE, None),
        (np.zeros_like(CRATE), PERSON),
    ],
    ids=["person", "crate", "stick before", "racket", "stick beside", "hand beyond", "no other", "nothing"],
)
def test_thin_and_small_parts_of_people_and_things_stay(mask: Bools, other: Bools | None) -> None:
    lost = unwanted(mask, other)
    assert lost is None or not (lost & mask).any()


def test_good_masks_stay_as_they_are() -> None:
    for human, thing in (
        (seen().human_mask, seen().object_mask),
        (seen(-0.3).human_mask, None),
        (None, seen().object_mask),
        (None, None),
        (np.zeros_like(seen().human_mask), np.zeros_like(seen().human_mask)),
    ):
        found = check(human, thing, seen().human_mask)
        assert found.off_px == {}
        for mine, got in ((human, found.masks.human), (thing, found.masks.object)):
            assert (mine is None) == (got is None)
            assert mine is None or np.array_equal(mine, small(got))


def rolled(mask: Bools, x: int, y: int) -> Bools:
    return np.roll(mask, (y, x), (0, 1))


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize(("x", "y"), [(11, 0), (-8, 9), (3, -18)])
def test_a_mask_that_lies_off_is_moved_and_told(x: int, y: int, scale: int) -> None:
    """By the edges of the image, of the person without the detector, too."""
    human, thing = seen().human_mask, seen().object_mask
    crop_scale = 256 / (1.2 * np.ptp(np.nonzero(human)[0]))
    for own, masks in ((human, (human, rolled(thing, x, y))), (human, (rolled(human, x, y), thing)),
                       (None, (rolled(human, x, y), None))):  # fmt: skip
        found = check(*masks, own, scale)
        name = "object" if masks[0] is human else "human"
        assert set(found.off_px) == {name}
        assert found.off_px[name] == pytest.approx(np.hypot(x, y) * crop_scale, abs=4)
        true = thing if name == "object" else human
        assert mask_iou(small(getattr(found.masks, name)), true) > 0.8
        assert getattr(found.masks, f"{name}_score") == MOVED_SCORE


def test_where_nothing_shows_no_mask_is_moved() -> None:
    """Neither in the dark, nor in noise, nor by a detector that sees somebody else."""
    human, thing = seen().human_mask, rolled(seen().object_mask, 12, 5)
    rng = np.random.default_rng(0)
    truth, far = scene(), rolled(human, 130, 0)
    for rgb in (np.zeros((240, 320, 3), np.uint8), rng.integers(0, 255, (240, 320, 3), np.uint8)):
        camera = Camera(truth.K, 320, 240)
        assert checked(Frame(rgb, camera, 0, masks=Masks(human, thing)), far).off_px == {}


@pytest.mark.parametrize("ahead", [0.3, -0.3], ids=["box before", "box behind"])
def test_what_both_masks_claim_is_what_the_detector_says(ahead: float) -> None:
    """Both of whole outlines, as rendered from meshes."""
    shown = seen(ahead)
    human, thing = shown.human_mask | shown.human_whole, shown.object_mask | shown.object_whole
    assert (human & thing).sum() > 0.7 * thing.sum()
    found = check(human, thing, shown.human_mask).masks
    assert np.array_equal(small(found.human), shown.human_mask)
    assert np.array_equal(small(found.object), thing), "most of the box would be lost"


def test_an_object_gives_back_what_the_detector_says_is_the_person() -> None:
    human, thing = seen().human_mask, seen().object_mask
    wide = cv2.dilate(thing.view(np.uint8), np.ones((7, 7), np.uint8)).astype(bool) & (human | thing)
    found = check(human, wide, human).masks
    assert np.array_equal(small(found.human), human) and np.array_equal(small(found.object), thing)
    unsure = check(human, wide).masks
    assert np.array_equal(small(unsure.human), human & ~wide), "nobody knows: the person loses"
    assert np.array_equal(small(unsure.object), wide)


def test_of_pixels_that_both_claim_nothing_is_said_about_depth() -> None:
    truth = scene()
    human, thing = seen().human_mask, seen().object_mask
    frame = Frame(np.zeros((240, 320, 3), np.uint8), Camera(truth.K, 320, 240), 0)
    points = torch.as_tensor(
        truth.T_cam_object[:3, 3] + np.random.default_rng(0).uniform(-0.1, 0.1, (300, 3))
    )
    points = points.float()
    seen_behind = {}
    for name, masks in (("apart", Masks(human, thing)), ("both", Masks(human | thing, thing))):
        evidence = build_evidence(frame, masks, seen().landmarks, None)
        assert evidence is not None and evidence.object is not None
        seen_behind[name] = int(find_order(points, points, evidence.object, 0.05).tokens.hidden.sum())
    assert seen_behind["apart"] > 200 and seen_behind["both"] == 0
