"""Faults that masks and landmarks have as people bring them, put on a batch while training.

The generator's own errors (`synth/sensor/`) are those of one detector and a few kinds of segmenters; these
are of other tools and other scenes: masks of another moment or of whole outlines, none at all, a limb that is
taken for something else, an image that ends at the hips.
"""

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from scorehoi_ros.body.landmarks import LANDMARK_NAMES
from scorehoi_ros.train.steady_world import TruePoints, metres_per_unit, steady_world

HUMAN, OBJECT = 0, 1
SHIFT_SHARE = (0.04, 0.08)
"""Of the side: 10 to 20 pixels of 256."""
REACH_SHARE = 0.06
"""How far around the object its mask may take parts of the person, of the side."""
LIMB_SIGMA = 0.12
"""Crop units by which the end of a limb is off, in each direction."""
UNSURE = (0.0, 0.4)
"""Factor on the confidences of a limb."""
CUT_SHARE = (0.05, 0.5)
"""How much of the person's extent lies beyond the end of the image."""
GUESS_SIGMA = 0.1
"""Crop units by which points beyond the end of the image are guessed wrong, in each direction."""
SIDES = torch.tensor([[0.0, 1.0], [0.0, -1.0], [1.0, 0.0], [-1.0, 0.0]])
"""Ways out of the image: down, up, right, left."""
SIDE_WEIGHTS = torch.tensor([0.5, 0.1, 0.2, 0.2])


@dataclass(frozen=True)
class FaultRates:
    """Chances of the faults, 0..1."""

    steady_world: float = 0.7
    """World points with the errors of the real detector (see `steady_world`) instead of the generator's."""
    human_takes_object: float = 0.08
    """The person's mask has the object in it."""
    object_takes_human: float = 0.06
    """The object's mask has what is near of the person in it."""
    amodal: float = 0.15
    """A mask, of each actor, also covers what the other hides."""
    shifted: float = 0.08
    """A mask, of each actor, is of another moment."""
    missing: float = 0.06
    """A mask, of each actor, is not there."""
    limb_moved: float = 0.06
    """A limb, of five with the head, is taken to be elsewhere."""
    limb_unsure: float = 0.03
    """A limb has low confidences, rightly or not."""
    hand_missing: float = 0.08
    """A hand, of each side, is not found."""
    cut: float = 0.10
    """The image ends inside the person."""


@dataclass(frozen=True)
class Seen:
    """What a network is shown of B scenes in square crops."""

    masks: Tensor
    """(B, 2, S, S) of human and object, 0..1; all zero = no mask."""
    landmarks: Tensor
    """(B, 75, 2) crop units: -1 and 1 are the edges, x right, y down."""
    world: Tensor
    """(B, 75, 3) metres as the detector says them, axes of the view."""
    confidence: Tensor
    """(B, 75) 0..1; 0 = not seen."""


def with_faults(
    seen: Seen, hidden: Tensor, true: TruePoints, rates: FaultRates, generator: torch.Generator
) -> Seen:
    """The batch with every fault that the dice of `generator` bring, on the device of the tensors.

    `hidden` (B, 2, S, S) is 1 where an outline goes on behind the other actor (inside the image).
    """
    masks = _overlapping(_with_hidden(seen.masks, hidden, rates, generator), rates, generator)
    masks = _lost(_shifted(masks, rates, generator), rates, generator)
    seen = _steadied(replace(seen, masks=masks), true, rates, generator)
    seen = _moved_limbs(seen, rates, generator)
    seen = _unsure_limbs(_lost_hands(seen, rates, generator), rates, generator)
    return _cut(seen, rates, generator)


@cache
def limb_weights() -> Tensor:
    """(5, 75) how much each landmark goes along when the end of a limb moves: arms, legs, head."""
    rows = torch.zeros(5, len(LANDMARK_NAMES))
    for number, name in enumerate(LANDMARK_NAMES):
        right = int(name.startswith("right"))
        if number < 11:
            rows[4, number] = 1.0
        elif name.endswith(("elbow", "knee")):
            rows[right + 2 * name.endswith("knee"), number] = 0.5
        elif name.endswith(("ankle", "heel", "foot_index")):
            rows[2 + right, number] = 1.0
        elif not name.endswith(("shoulder", "hip")):
            rows[right, number] = 1.0
    return rows


def hand_rows() -> Tensor:
    """(2, 75) which landmarks belong to the left and the right hand."""
    return torch.tensor(
        [[name.startswith(f"{side}_hand_") for name in LANDMARK_NAMES] for side in ("left", "right")]
    )


def _chance(like: Tensor, shape: tuple[int, ...], rate: float, generator: torch.Generator) -> Tensor:
    """1 where it happens, else 0."""
    return (torch.rand(shape, generator=generator, device=like.device) < rate).to(like.dtype)


def _uniform(
    like: Tensor, shape: tuple[int, ...], ends: tuple[float, float], generator: torch.Generator
) -> Tensor:
    return ends[0] + (ends[1] - ends[0]) * torch.rand(
        shape, generator=generator, device=like.device, dtype=like.dtype
    )


def _normal(like: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)


def _with_hidden(masks: Tensor, hidden: Tensor, rates: FaultRates, generator: torch.Generator) -> Tensor:
    """Only masks that are there can be of a whole outline."""
    there = (masks.amax((2, 3), keepdim=True) > 0).to(masks.dtype)
    happens = _chance(masks, (len(masks), 2, 1, 1), rates.amodal, generator)
    return torch.maximum(masks, hidden * happens * there)


def _overlapping(masks: Tensor, rates: FaultRates, generator: torch.Generator) -> Tensor:
    batch, side = len(masks), masks.shape[-1]
    human, thing = masks[:, HUMAN], masks[:, OBJECT]
    reach = max(round(REACH_SHARE * side), 1)
    wide = max_pool2d(thing[:, None], (1, 2 * reach + 1), 1, (0, reach))
    near = max_pool2d(wide, (2 * reach + 1, 1), 1, (reach, 0))[:, 0] * human
    taken = _chance(masks, (batch, 1, 1), rates.human_takes_object, generator)
    took = _chance(masks, (batch, 1, 1), rates.object_takes_human, generator)
    return torch.stack([torch.maximum(human, thing * taken), torch.maximum(thing, near * took)], 1)


def _shifted(masks: Tensor, rates: FaultRates, generator: torch.Generator) -> Tensor:
    """Each mask by a number of pixels; what comes in from beyond the crop is empty."""
    batch, _, side, _ = masks.shape
    happens = _chance(masks, (batch, 2), rates.shifted, generator)
    length = _uniform(masks, (batch, 2), SHIFT_SHARE, generator) * side * happens
    angle = _uniform(masks, (batch, 2), (0.0, 2 * torch.pi), generator)
    across, down = (length * angle.cos()).round().long(), (length * angle.sin()).round().long()
    place = torch.arange(side, device=masks.device)
    columns, rows = place - across[..., None], place - down[..., None]
    inside = ((rows >= 0) & (rows < side))[..., :, None] & ((columns >= 0) & (columns < side))[..., None, :]
    rows, columns = rows.clamp(0, side - 1), columns.clamp(0, side - 1)
    moved = masks.gather(2, rows[..., :, None].expand_as(masks))
    return moved.gather(3, columns[..., None, :].expand_as(masks)) * inside


def _lost(masks: Tensor, rates: FaultRates, generator: torch.Generator) -> Tensor:
    return masks * (1 - _chance(masks, (len(masks), 2, 1, 1), rates.missing, generator))


def _steadied(seen: Seen, true: TruePoints, rates: FaultRates, generator: torch.Generator) -> Seen:
    told = steady_world(true, seen.landmarks, seen.confidence, generator)
    happens = _chance(told, (len(told), 1, 1), rates.steady_world, generator) > 0
    body = torch.where(happens, told, seen.world[:, :33])
    return replace(seen, world=torch.cat([body, seen.world[:, 33:]], 1))


def _moved_limbs(seen: Seen, rates: FaultRates, generator: torch.Generator) -> Seen:
    """In the image and, as the same network says both, in the world; confidences stay: it is sure of it."""
    points = seen.landmarks
    weights = limb_weights().to(points)
    happens = _chance(points, (len(points), len(weights), 1), rates.limb_moved, generator)
    offset = LIMB_SIGMA * _normal(points, (len(points), len(weights), 2), generator) * happens
    step = torch.einsum("blc,ln->bnc", offset, weights)
    world = seen.world.clone()
    # points of the hands are told from their wrists
    world[:, :33, :2] += step[:, :33] * metres_per_unit(seen.landmarks, seen.world)[:, None, None]
    return replace(seen, landmarks=points + step, world=world)


def _lost_hands(seen: Seen, rates: FaultRates, generator: torch.Generator) -> Seen:
    """As where the detector finds none: zeros."""
    points = seen.landmarks
    lost = _chance(points, (len(points), 2), rates.hand_missing, generator)
    kept = 1 - lost @ hand_rows().to(points)
    return replace(
        seen,
        landmarks=points * kept[..., None],
        world=seen.world * kept[..., None],
        confidence=seen.confidence * kept,
    )


def _unsure_limbs(seen: Seen, rates: FaultRates, generator: torch.Generator) -> Seen:
    told = seen.confidence
    limbs = (limb_weights() > 0).to(told)
    happens = _chance(told, (len(told), len(limbs)), rates.limb_unsure, generator)
    factor = 1 - happens * (1 - _uniform(told, (len(told), len(limbs)), UNSURE, generator))
    return replace(seen, confidence=told * (1 - limbs + factor[..., None] * limbs).prod(1))


def _cut(seen: Seen, rates: FaultRates, generator: torch.Generator) -> Seen:
    """The image ends somewhere in the person: nothing of the masks beyond, and points there are guesses."""
    points, batch, side = seen.landmarks, len(seen.masks), seen.masks.shape[-1]
    number = torch.multinomial(SIDE_WEIGHTS.to(points), batch, True, generator=generator)
    way = SIDES.to(points)[number]
    along = (points[:, :33] * way[:, None]).sum(-1)
    share = _uniform(points, (batch,), CUT_SHARE, generator)
    end = along.amax(1) - share * (along.amax(1) - along.amin(1))
    happens = _chance(points, (batch,), rates.cut, generator) > 0
    end = torch.where(happens, end, torch.full_like(end, torch.inf))
    centres = (torch.arange(side, device=points.device, dtype=points.dtype) + 0.5) * (2 / side) - 1
    there = way[:, 0, None, None] * centres + way[:, 1, None, None] * centres[:, None]
    masks = seen.masks * (there <= end[:, None, None])[:, None]
    beyond = ((points * way[:, None]).sum(-1) > end[:, None]) & (seen.confidence > 0)
    guess = GUESS_SIGMA * _normal(points, (batch, points.shape[1], 2), generator) * beyond[..., None]
    return replace(seen, masks=masks, landmarks=points + guess, confidence=seen.confidence * ~beyond)
