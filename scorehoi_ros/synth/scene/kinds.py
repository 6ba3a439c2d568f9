"""The kinds of objects in the scenes: members of the parametric families in sizes that are in use."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from scorehoi_ros.objects.families import FAMILIES
from scorehoi_ros.objects.family import canonical, sample_parameters
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.synth.splits import object_rng

INSTANCES = {"train": 40, "val": 2, "test": 3}
"""Instances of each kind in each split; their dimensions differ."""
_CACHED_TEMPLATES = 512
"""Of about 1.2 MB; others are read from the cache on disk, in 4 ms."""


@dataclass(frozen=True)
class Kind:
    """A family, with ranges of some dimensions that differ from the family's."""

    name: str
    family: str
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)


def _box(name: str, width: float, height: float, depth: float) -> Kind:
    sides = {"width": width, "height": height, "depth": depth}
    return Kind(name, "box", {key: (round(0.85 * v, 3), round(1.15 * v, 3)) for key, v in sides.items()})


def _ball(name: str, low: float, high: float) -> Kind:
    return Kind(name, "ball", {"diameter": (low, high)})


KINDS: tuple[Kind, ...] = (
    # BEHAVE
    Kind("backpack", "backpack"),
    _ball("basketball", 0.22, 0.26),
    _box("boxlarge", 0.5, 0.4, 0.4),
    _box("boxlong", 0.75, 0.17, 0.17),
    _box("boxmedium", 0.4, 0.3, 0.3),
    _box("boxsmall", 0.3, 0.22, 0.22),
    _box("boxtiny", 0.22, 0.12, 0.16),
    Kind("chairblack", "armchair", {"width": (0.5, 0.6), "depth": (0.46, 0.54)}),
    Kind("chairwood", "chair"),
    Kind("keyboard", "keyboard"),
    Kind("monitor", "monitor"),
    Kind("plasticcontainer", "container"),
    Kind("stool", "stool"),
    Kind("suitcase", "suitcase"),
    Kind("tablesmall", "round_table", {"diameter": (0.45, 0.65), "height": (0.5, 0.75)}),
    Kind("tablesquare", "table", {"width": (0.55, 0.85), "depth": (0.55, 0.85), "height": (0.6, 0.78)}),
    Kind("toolbox", "toolbox"),
    Kind("trashbin", "bin"),
    _ball("yogaball", 0.52, 0.72),
    Kind("yogamat", "mat"),
    # InterCap
    _ball("football", 0.2, 0.23),
    Kind("umbrella", "umbrella"),
    Kind("racket", "racket"),
    Kind("skateboard", "skateboard"),
    Kind("bottle", "bottle"),
    Kind("cup", "cup"),
    # others
    _ball("smallball", 0.06, 0.09),
    Kind("can", "can", {"diameter": (0.055, 0.09), "height": (0.09, 0.18)}),
    Kind("bucket", "bucket"),
    Kind("board", "board"),
    Kind("book", "book"),
    Kind("phone", "phone"),
    Kind("tray", "tray"),
    Kind("table", "table", {"width": (0.9, 1.4), "height": (0.68, 0.8)}),
    Kind("round_table", "round_table", {"diameter": (0.65, 1.1), "height": (0.65, 0.8)}),
    Kind("office_chair", "office_chair"),
    Kind("bench", "bench"),
    Kind("ladder", "ladder"),
    Kind("handbag", "handbag"),
    Kind("laptop", "laptop"),
    Kind("broom", "broom"),
)
KIND_NAMES: tuple[str, ...] = tuple(kind.name for kind in KINDS)


@dataclass(frozen=True)
class Instance:
    """One object: its spec and dimensions, or a mesh file that stands for a kind."""

    kind: str
    family: str
    spec: str
    parameters: dict[str, float]
    """Metres; of a mesh: width, height, depth of its box."""


@lru_cache(maxsize=4096)
def family_instance(split: str, kind_name: str, number: int) -> Instance:
    """Instance `number` of a kind in a split, always the same; rounded to a tenth of a millimetre.

    Those of training that are equal to one of another split, as balls of many may be, are drawn again.
    """
    index = KIND_NAMES.index(kind_name)
    rng = object_rng(split, index, number)
    instance = _drawn(KINDS[index], rng)
    while split == "train" and instance.spec in _withheld():
        instance = _drawn(KINDS[index], rng)
    return instance


def _drawn(kind: Kind, rng: np.random.Generator) -> Instance:
    family = FAMILIES[kind.family]
    values = sample_parameters(family, rng)
    for name, (low, high) in kind.ranges.items():
        values[name] = rng.uniform(low, high)
    values = {name: round(value, 4) for name, value in values.items()}
    return Instance(kind.name, kind.family, canonical(family, values), values)


@lru_cache(maxsize=1)
def _withheld() -> frozenset[str]:
    """Specs of the objects that training must not see."""
    return frozenset(
        family_instance(split, name, number).spec
        for split in ("val", "test")
        for name in KIND_NAMES
        for number in range(INSTANCES[split])
    )


@lru_cache(maxsize=_CACHED_TEMPLATES)
def template_of(spec: str) -> ObjectTemplate:
    """The template of a spec, kept in memory while it is in use."""
    return load_template(spec)
