"""How probable it is that an estimate is right, and what speaks most against it.

Right means
- for a person: the 22 joints of the body are off by less than 8 cm on average, relative to the pelvis;
- for an object: it is turned right within 20 degrees (up to the symmetry of its template), and its origin is
  off by less than 10 cm relative to the person's pelvis, in the axes of the camera.  Of an object without a
  person only the rotation counts.

Each is a logistic regression on doubts, numbers that are 0 where nothing speaks against the estimate.  For an
object it is the product of two: that it is turned right, and that it is then also in the right place.  The
weights, none of which may speak for what is bad, are in `trust_weights`, by `tools/calibrate_status.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scorehoi_ros.frame.signs import HumanSigns, ObjectSigns
from scorehoi_ros.frame.trust_weights import BIAS, TYPICAL, WEIGHTS
from scorehoi_ros.types import Status

Doubts = Mapping[str, float]

MOST = {
    "median_px": 30.0,
    "limb_px": 30.0,
    "depth_m": 0.3,
    "stature_m": 0.3,
    "penetration_m": 0.1,
    "gap_m": 0.3,
    "floating_m": 0.3,
    "sunk_m": 0.3,
    "small": 3.0,
    "pose_std": 1.0,
    "strain": 40.0,
    "turn_std": 0.5,
    "place_std": 0.3,
}
"""No doubt counts as more than this: beyond, the calibration has seen nothing."""
SMALL_PX = 64.0
"""Side of a mask in a crop of 256 pixels from which on it is not small."""
UNMEASURED_PX = 30.0
"""Counts as the error of landmarks of which none is visible."""

_MASKS = "give masks of person and object, or a prompt box"
_HEIGHT = "give the person's height (height_m), or depth images"
_GRAVITY = "give the direction of gravity, or TF"
_ALL = "give masks, the person's height (height_m), and the direction of gravity"
_CLOSER = "show the object closer"
_SIDE = "show person and object from another side"
_WHOLE = "show the whole person"
_TEMPLATE = "check the size of the template, and the camera's calibration"
_RESET = "if it looks wrong, give a prompt box (set_object_prompt), or call reset"
_CHECK = "check the masks, the size of the template, and the camera's calibration"
TEXTS: Mapping[str, tuple[str, str]] = {
    "median_px": ("landmarks are off by {:.0f} px at 256-pixel crop scale", "check the camera's calibration"),
    "limb_px": ("the landmarks of one limb are off by {:.0f} px at 256-pixel crop scale", _WHOLE),
    "unseen": ("{:.0%} of the limbs are hidden", _WHOLE),
    "depth_m": (
        "the pose in depth differs from the landmarks' by {:.2f} m",
        _SIDE,
    ),
    "misfit": ("{:.0%} of mesh and mask do not overlap", _CHECK),
    "own_mask": ("there is no mask but the product's own", _MASKS),
    "own_misfit": ("{:.0%} of the mesh and the product's own mask do not overlap", _MASKS),
    "own_score": ("the product's own mask is doubtful by {:.0%}", _MASKS),
    "stature_m": ("the body's height is {:.2f} m from what is expected", _HEIGHT),
    "penetration_m": ("body and object are {:.2f} m inside each other", _TEMPLATE),
    "pose_std": ("the pose is uncertain", _WHOLE),
    "strain": ("the image had to pull far from what was expected", _CHECK),
    "hidden": ("{:.0%} of the object is hidden", _SIDE),
    "small": ("the object is small in the image", _CLOSER),
    "gap_m": ("nothing ties the object, {:.2f} m away, to the person", _HEIGHT),
    "floating_m": ("the object hangs {:.2f} m in the air", _GRAVITY),
    "sunk_m": ("the object is {:.2f} m under the floor", _GRAVITY),
    "untied": ("it is not sure that the person touches the object", _HEIGHT),
    "rivals": (
        "other rotations explain the image as well",
        _SIDE,
    ),
    "unexpected": (
        "the rotation is not one that was expected",
        _CLOSER,
    ),
    "warm": ("it goes on from earlier frames, and a wrong start may stay", _RESET),
    "turn_std": ("the rotation is uncertain", _CLOSER),
    "place_std": ("the object's distance is uncertain", _HEIGHT),
}
"""What a doubt says, with its value, and what helps against it."""
REASONS = 2
"""How many reasons a message gives."""


@dataclass(frozen=True)
class Trust:
    """What may be said of a person or an object."""

    who: str
    probability: float
    """That the estimate is right, 0..1."""
    doubts: Doubts
    costs: Doubts
    """Log-odds that each doubt costs more than it usually does, largest first; only those that do."""

    def status(self, least: float) -> tuple[Status, str]:
        """OK from the probability `least` on, else UNTRUSTED with the reasons and what would help."""
        if self.probability >= least:
            return Status.OK, ""
        reasons = [TEXTS[name] for name in list(self.costs)[:REASONS]]
        values = [self.doubts[name] for name in list(self.costs)[:REASONS]]
        why = " and ".join(text.format(value) for (text, _), value in zip(reasons, values, strict=True))
        helps = "; ".join(dict.fromkeys(remedy for _, remedy in reasons))
        said = f"the {self.who} is right with a probability of {self.probability:.2f} < {least:g}"
        return Status.UNTRUSTED, f"{said}: {why or 'little is known of it'}; {helps or _ALL}"

    def named(self) -> dict[str, float]:
        """The doubts as measured qualities."""
        return {f"{self.who}_doubt_{name}": value for name, value in self.doubts.items()}


def of_human(signs: HumanSigns) -> Trust:
    """How far a person may be trusted."""
    doubts = human_doubts(signs)
    return Trust("human", probability("human", doubts), doubts, _costs(("human",), doubts))


def of_object(signs: ObjectSigns) -> Trust:
    """How far an object may be trusted."""
    doubts = object_doubts(signs)
    parts = ("turned",) if signs.alone else ("turned", "placed")
    right = math.prod(probability(part, doubts) for part in parts)
    return Trust("object", right, doubts, _costs(parts, doubts))


def human_doubts(s: HumanSigns) -> dict[str, float]:
    """Numbers that are larger the more speaks against a person, named as in `TEXTS`; without unknown ones."""
    seen = s.landmarks
    none = seen is None or math.isnan(seen.median_px)
    return _known(
        median_px=UNMEASURED_PX if seen is None or none else seen.median_px,
        limb_px=UNMEASURED_PX if seen is None or none else seen.worst_px,
        unseen=1.0 if seen is None else seen.unseen,
        depth_m=None if seen is None or none else seen.depth_m,
        stature_m=abs(s.stature_m - s.expected_m),
        penetration_m=s.penetration_m,
        pose_std=s.certainty.pose_std,
        strain=s.certainty.strain,
        **_mask_doubts(s.overlap, s.own_mask),
    )


def object_doubts(s: ObjectSigns) -> dict[str, float]:
    """The same of an object."""
    c = s.certainty
    return _known(
        own_score=1 - s.mask_score if s.own_mask else 0.0,
        hidden=s.hidden,
        small=max(0.0, math.log2(SMALL_PX / max(s.side_px, 1.0))),
        penetration_m=s.penetration_m,
        gap_m=s.gap_m,
        floating_m=min(s.gap_m, s.above_floor_m),
        sunk_m=s.under_floor_m,
        untied=None if s.tied is None else 1 - s.tied,
        rivals=None if c.agreement is None else 1 - c.agreement,
        unexpected=None if c.expected is None else 1 - c.expected,
        turn_std=c.turn_std,
        place_std=c.place_std,
        strain=c.strain,
        warm=float(s.warm),
        **_mask_doubts(s.overlap, s.own_mask),
    )


def probability(part: str, doubts: Doubts) -> float:
    """Of one logistic regression; what is not known counts as it usually is."""
    typical = TYPICAL[part]
    odds = BIAS[part] - sum(w * doubts.get(name, typical[name]) for name, w in WEIGHTS[part].items())
    return 1 / (1 + math.exp(-odds))


def _mask_doubts(overlap: float | None, own: bool) -> dict[str, float | None]:
    """A mask that the product made itself does not vouch for itself: its overlap has a weight of its own."""
    misfit = None if overlap is None else 1 - overlap
    return {
        "misfit": 0.0 if own else misfit,
        "own_mask": float(own),
        "own_misfit": misfit if own else 0.0,
    }


def _known(**doubts: float | None) -> dict[str, float]:
    return {name: min(v, MOST.get(name, math.inf)) for name, v in doubts.items() if v is not None}


def _costs(parts: tuple[str, ...], doubts: Doubts) -> dict[str, float]:
    costs: dict[str, float] = {}
    for part in parts:
        for name, weight in WEIGHTS[part].items():
            if name in doubts:
                costs[name] = costs.get(name, 0.0) + weight * (doubts[name] - TYPICAL[part][name])
    return dict(sorted(((n, c) for n, c in costs.items() if c > 0), key=lambda pair: -pair[1]))
