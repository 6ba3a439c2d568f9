"""What people do with which things: the recipe of every interaction."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scorehoi_ros.synth.scene import place_apart, place_feet, place_floor, place_held
from scorehoi_ros.synth.scene.draft import Draft
from scorehoi_ros.synth.scene.kinds import KIND_NAMES, Instance
from scorehoi_ros.synth.scene.planning import BodyNow
from scorehoi_ros.synth.scene.stances import crouched, leaning, seated
from scorehoi_ros.types import Floats

Posture = Callable[[Floats, Instance, np.random.Generator], Floats]
Plan = Callable[[Draft, BodyNow, np.random.Generator], None]
HANDS = ("left_hand", "right_hand")
FEET = ("left_foot", "right_foot")


@dataclass(frozen=True)
class Recipe:
    """How one interaction is made."""

    kinds: tuple[str, ...]
    plan: Plan
    posture: Posture
    touching: tuple[str, ...]
    """Regions of the body of which one must touch; empty = nothing has to."""
    weight: float = 1.0
    """How often, against the others."""
    stance: str = "stand"
    """Stance of the captured pose it starts from."""
    most_depth_m: float = 0.008
    """Deepest allowed penetration."""


def _as_captured(local: Floats, _: Instance, rng: np.random.Generator) -> Floats:
    return local


def _sitting(local: Floats, _: Instance, rng: np.random.Generator) -> Floats:
    return seated(local, rng) if rng.random() < 0.5 else local


def _bent_forward(local: Floats, instance: Instance, rng: np.random.Generator) -> Floats:
    return leaning(local, rng.uniform(0.05, 0.45))


def _stooped(local: Floats, instance: Instance, rng: np.random.Generator) -> Floats:
    return crouched(local, rng, rng.uniform(0.72, 1.0), rng.uniform(0.0, 1.0))


def _for_height(local: Floats, instance: Instance, rng: np.random.Generator) -> Floats:
    """Bent towards low things, leaning towards high ones."""
    height = instance.parameters.get("height", instance.parameters.get("diameter", 0.3))
    if height < 0.62:
        return crouched(local, rng, float(np.clip(1.15 - height, 0.5, 1.0)), rng.uniform(0.1, 0.7))
    return leaning(local, rng.uniform(0.1, 0.5))


_BOXES = ("boxlarge", "boxlong", "boxmedium", "boxsmall", "plasticcontainer")
_CARRIED = (
    *_BOXES, "boxtiny", "basketball", "yogaball", "football", "keyboard", "monitor", "stool",
    "suitcase", "toolbox", "trashbin", "yogamat", "chairwood", "chairblack", "tablesmall", "backpack",
    "skateboard", "bucket", "board", "book", "tray", "bench", "handbag", "laptop", "tablesquare",
    "office_chair",
)  # fmt: skip
_SEATS = ("chairblack", "chairwood", "stool", "office_chair", "bench", "boxlarge", "yogaball", "tablesquare")
_TOPS = (
    "tablesmall",
    "tablesquare",
    "table",
    "round_table",
    "chairblack",
    "chairwood",
    "office_chair",
    "suitcase",
)

RECIPES: dict[str, Recipe] = {
    "carry_two_hands": Recipe(_CARRIED, place_held.carry, _as_captured, HANDS, 3.0),
    "hold_one_hand": Recipe(
        (
            "bottle",
            "can",
            "cup",
            "phone",
            "book",
            "racket",
            "broom",
            "umbrella",
            "toolbox",
            "handbag",
            "suitcase",
            "backpack",
            "smallball",
            "skateboard",
            "yogamat",
        ),
        place_held.one_hand,
        _as_captured,
        HANDS,
        2.5,
    ),  # fmt: skip
    "hold_overhead": Recipe(
        (
            *_BOXES,
            "basketball",
            "yogaball",
            "football",
            "board",
            "yogamat",
            "stool",
            "skateboard",
            "umbrella",
            "tray",
            "chairwood",
            "suitcase",
        ),
        place_held.overhead,
        _as_captured,
        HANDS,
    ),  # fmt: skip
    "hug": Recipe(
        (
            "yogaball",
            "basketball",
            "boxlarge",
            "boxmedium",
            "backpack",
            "trashbin",
            "suitcase",
            "plasticcontainer",
            "yogamat",
            "bucket",
        ),
        place_held.hug,
        _as_captured,
        (*HANDS, "chest", "belly"),
        1.0,
        most_depth_m=0.02,
    ),  # fmt: skip
    "sit_on": Recipe(
        _SEATS,
        place_floor.sit,
        _sitting,
        ("buttocks", "left_thigh", "right_thigh"),
        2.0,
        stance="any",
        most_depth_m=0.06,
    ),  # fmt: skip
    "lean_on": Recipe(_TOPS, place_floor.lean, _bent_forward, HANDS),
    "push": Recipe(
        (
            *_TOPS,
            "boxlarge",
            "boxmedium",
            "trashbin",
            "plasticcontainer",
            "yogaball",
            "bench",
            "ladder",
            "stool",
        ),
        place_floor.push,
        _for_height,
        HANDS,
    ),  # fmt: skip
    "pull": Recipe(
        (
            "suitcase",
            "suitcase",
            "chairwood",
            "chairblack",
            "office_chair",
            "tablesquare",
            "table",
            "boxlarge",
            "trashbin",
            "bench",
            "plasticcontainer",
        ),
        place_floor.pull,
        _for_height,
        HANDS,
    ),  # fmt: skip
    "lift": Recipe(
        (
            *_BOXES,
            "boxtiny",
            "toolbox",
            "backpack",
            "suitcase",
            "trashbin",
            "bucket",
            "stool",
            "basketball",
            "yogaball",
            "handbag",
            "bench",
            "monitor",
        ),
        place_floor.lift,
        _stooped,
        HANDS,
        1.5,
    ),  # fmt: skip
    "kick": Recipe(
        (
            "football",
            "basketball",
            "yogaball",
            "boxsmall",
            "boxtiny",
            "trashbin",
            "can",
            "bucket",
            "smallball",
        ),
        place_feet.kick,
        _as_captured,
        FEET,
        0.8,
    ),  # fmt: skip
    "step_on": Recipe(
        (
            "boxmedium",
            "boxsmall",
            "boxtiny",
            "stool",
            "skateboard",
            "bench",
            "ladder",
            "book",
            "toolbox",
            "chairwood",
        ),
        place_feet.step_on,
        _as_captured,
        FEET,
        0.8,
    ),  # fmt: skip
    "hold_to_mouth": Recipe(("bottle", "cup", "can"), place_held.to_mouth, _as_captured, HANDS, 1.0),
    "wear_on_back": Recipe(
        ("backpack",), place_held.on_back, _as_captured, ("upper_back", "lower_back", "chest"), 0.6
    ),
    "reach": Recipe(KIND_NAMES, place_apart.reach, _bent_forward, (), 0.8),
    "type_on": Recipe(("keyboard", "laptop"), place_held.type_on, _sitting, HANDS, 0.7),
    "wipe": Recipe(
        ("tablesmall", "tablesquare", "table", "round_table", "monitor", "board"),
        place_floor.wipe,
        _bent_forward,
        HANDS,
        0.8,
    ),  # fmt: skip
    "none": Recipe(KIND_NAMES, place_apart.leave, _as_captured, (), 0.8),
}
_WEIGHTS = np.array([recipe.weight for recipe in RECIPES.values()])


def draw_interaction(rng: np.random.Generator) -> str:
    """One of the interactions, by weight."""
    return str(rng.choice(list(RECIPES), p=_WEIGHTS / _WEIGHTS.sum()))


def draw_kind(interaction: str, rng: np.random.Generator) -> str:
    """A kind of object that this is done with."""
    kinds = RECIPES[interaction].kinds
    return kinds[int(rng.integers(len(kinds)))]
