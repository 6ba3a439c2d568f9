"""Faults at training time: each does what it says, none of them when its chance is 0, the same for a seed."""

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from scorehoi_ros.body.landmarks import LANDMARK_NAMES
from scorehoi_ros.train.augment import FaultRates, Seen, hand_rows, limb_weights, with_faults

NONE = FaultRates(**{field.name: 0.0 for field in fields(FaultRates)})
SIDE, BATCH = 64, 48


def seen(dtype: torch.dtype = torch.float32) -> Seen:
    """People as boxes left of things as boxes."""
    g = torch.Generator().manual_seed(1)
    masks = torch.zeros(BATCH, 2, SIDE, SIDE, dtype=dtype)
    masks[:, 0, 10:54, 16:32] = 1
    masks[:, 1, 24:40, 32:48] = 1
    landmarks = torch.rand(BATCH, 75, 2, generator=g, dtype=dtype) * torch.tensor([0.4, 1.4]) - torch.tensor(
        [0.5, 0.7]
    )
    world = torch.randn(BATCH, 75, 3, generator=g, dtype=dtype) * 0.3
    return Seen(masks, landmarks.to(dtype), world, torch.full((BATCH, 75), 0.9, dtype=dtype))


def hidden() -> Tensor:
    behind = torch.zeros(BATCH, 2, SIDE, SIDE)
    behind[:, 0, 30:34, 32:40] = 1
    return behind


def faulty(**rates: float) -> Seen:
    return with_faults(seen(), hidden(), replace(NONE, **rates), torch.Generator().manual_seed(3))


def equal(one: Seen, other: Seen) -> bool:
    return all(torch.equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(Seen))


def changed(one: Seen) -> set[str]:
    return {f.name for f in fields(Seen) if not torch.equal(getattr(one, f.name), getattr(seen(), f.name))}


def test_without_chances_nothing_changes() -> None:
    assert equal(faulty(), seen())


@pytest.mark.parametrize("name", [field.name for field in fields(FaultRates)])
def test_each_fault_changes_only_its_own(name: str) -> None:
    own = {
        "limb_moved": {"landmarks", "world"},
        "limb_unsure": {"confidence"},
        "hand_missing": {"landmarks", "world", "confidence"},
        "cut": {"masks", "landmarks", "confidence"},
    }
    assert changed(faulty(**{name: 1.0})) == own.get(name, {"masks"})


def test_a_seed_gives_the_same_and_shapes_types_and_ranges_stay() -> None:
    rates = FaultRates(**{field.name: 0.5 for field in fields(FaultRates)})
    one, again, other = (
        with_faults(seen(), hidden(), rates, torch.Generator().manual_seed(s)) for s in (3, 3, 4)
    )
    assert equal(one, again) and not equal(one, other)
    for field in fields(Seen):
        before, after = getattr(seen(), field.name), getattr(one, field.name)
        assert before.shape == after.shape and before.dtype == after.dtype and after.isfinite().all()
    for values in (one.masks, one.confidence):
        assert values.min() >= 0 and values.max() <= 1


def test_chances_are_met() -> None:
    lost = faulty(missing=0.3).masks.amax((2, 3)) == 0
    assert 0.15 < lost.float().mean() < 0.45


def test_overlapping_masks() -> None:
    person = faulty(human_takes_object=1.0).masks
    assert torch.equal(person[:, 0], seen().masks.amax(1)) and torch.equal(person[:, 1], seen().masks[:, 1])
    thing = faulty(object_takes_human=1.0).masks
    more = thing[:, 1] > seen().masks[:, 1]
    assert more.any((1, 2)).all() and (seen().masks[:, 0][more] == 1).all()
    assert more.sum() < 0.5 * seen().masks[:, 0].sum()


def test_amodal_masks_are_of_masks_that_are_there() -> None:
    assert torch.equal(faulty(amodal=1.0).masks, torch.maximum(seen().masks, hidden()))
    empty = replace(seen(), masks=torch.zeros_like(seen().masks))
    rates = replace(NONE, amodal=1.0)
    assert with_faults(empty, hidden(), rates, torch.Generator().manual_seed(0)).masks.sum() == 0


def test_shifts_are_of_the_told_length() -> None:
    place = torch.arange(SIDE, dtype=torch.float32)
    for actor in (0, 1):
        before, after = seen().masks[:, actor], faulty(shifted=1.0).masks[:, actor]
        assert torch.equal(before.sum((1, 2)), after.sum((1, 2)))  # far from the edges
        moved = [
            ((m.sum(1) * place).sum(1) / m.sum((1, 2)), (m.sum(2) * place).sum(1) / m.sum((1, 2)))
            for m in (before, after)
        ]
        length = torch.hypot(moved[1][0] - moved[0][0], moved[1][1] - moved[0][1])
        assert (length > 0.04 * SIDE - 0.75).all() and (length < 0.08 * SIDE + 0.75).all()
    edge = replace(seen(), masks=torch.ones(BATCH, 2, SIDE, SIDE))
    after = with_faults(edge, hidden(), replace(NONE, shifted=1.0), torch.Generator().manual_seed(0)).masks
    assert (after.sum((2, 3)) < SIDE**2).all()  # nothing comes in from the other side


def test_a_limb_moves_as_one() -> None:
    step = faulty(limb_moved=1.0).landmarks - seen().landmarks
    index = LANDMARK_NAMES.index
    for side in ("left", "right"):
        end = step[:, index(f"{side}_wrist")]
        assert (end.norm(dim=-1) > 0).all()
        for name in (f"{side}_index", f"{side}_hand_wrist", f"{side}_hand_ring_tip"):
            assert torch.allclose(step[:, index(name)], end, atol=1e-6)
        assert torch.allclose(step[:, index(f"{side}_elbow")], end / 2, atol=1e-6)
        assert (step[:, index(f"{side}_shoulder")] == 0).all() and (step[:, index(f"{side}_hip")] == 0).all()
        assert torch.allclose(step[:, index(f"{side}_knee")], step[:, index(f"{side}_heel")] / 2, atol=1e-6)
    assert torch.allclose(step[:, 0], step[:, 10], atol=1e-6)
    assert limb_weights().amax(1).tolist() == [1.0] * 5 and (limb_weights() > 0).sum() == 71


def test_lost_hands_are_as_the_detector_leaves_them() -> None:
    after = faulty(hand_missing=1.0)
    rows = hand_rows().any(0)
    assert rows.sum() == 42 and (after.confidence[:, rows] == 0).all() and (after.world[:, rows] == 0).all()
    assert torch.equal(after.confidence[:, ~rows], seen().confidence[:, ~rows])


def test_a_cut_leaves_nothing_beyond_it() -> None:
    after = faulty(cut=1.0)
    gone = after.confidence == 0
    assert gone[:, :33].any(1).all() and not gone[:, :33].all(1).any()
    here = torch.equal(after.landmarks[~gone], seen().landmarks[~gone])
    assert here and (after.landmarks[gone] != seen().landmarks[gone]).any()
    centres = (torch.arange(SIDE) + 0.5) * 2 / SIDE - 1
    for k in range(BATCH):
        lost = seen().masks[k].amax(0) > after.masks[k].amax(0)
        kept = after.masks[k].amax(0) > 0
        if not lost.any():
            continue
        rows, columns = lost.any(1), lost.any(0)
        straight = [
            centres[rows].min() > centres[kept.any(1)].max(),
            centres[rows].max() < centres[kept.any(1)].min(),
            centres[columns].min() > centres[kept.any(0)].max(),
            centres[columns].max() < centres[kept.any(0)].min(),
        ]
        assert any(straight)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu() -> None:
    batch = Seen(*(getattr(seen(), f.name).cuda() for f in fields(Seen)))
    rates = FaultRates(**{field.name: 0.5 for field in fields(FaultRates)})
    after = with_faults(batch, hidden().cuda(), rates, torch.Generator("cuda").manual_seed(0))
    assert after.masks.is_cuda and after.landmarks.isfinite().all()
