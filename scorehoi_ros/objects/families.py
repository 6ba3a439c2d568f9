"""All parametric families by name, and the parser of specs such as "box:0.40x0.30x0.25" or "ball:0.22"."""

import difflib

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.objects import families_basic, families_furniture, families_things
from scorehoi_ros.objects.family import Family, parse_parameters

_ALL = (*families_basic.FAMILIES, *families_furniture.FAMILIES, *families_things.FAMILIES)
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}

ALIASES: dict[str, str] = {
    "football": "ball:0.22",
    "basketball": "ball:0.24",
    "yogaball": "ball:0.65",
    "boxtiny": "box:0.25x0.12x0.18",
    "boxsmall": "box:0.30x0.22x0.22",
    "boxmedium": "box:0.40x0.30x0.30",
    "boxlarge": "box:0.50x0.40x0.40",
    "boxlong": "box:0.75x0.17x0.17",
    "chairblack": "armchair",
    "chairwood": "chair",
    "plasticcontainer": "container",
    "tablesmall": "round_table:0.55x0.7",
    "tablesquare": "table:0.7x0.7x0.7",
    "trashbin": "bin",
    "yogamat": "mat",
}
"""Names of objects in public datasets (BEHAVE, InterCap), as the nearest member of a family."""


def is_family_spec(spec: str) -> bool:
    """Whether a text names a family ("ball", "ball:0.22") or an alias rather than a file."""
    name = spec.partition(":")[0].strip().lower()
    return name in FAMILIES or name in ALIASES


def parse_spec(spec: str) -> tuple[Family, dict[str, float]]:
    """The family and all its parameters from a spec.

    Raises TemplateError naming the nearest families or listing the parameters of the one meant.
    """
    name, _, rest = spec.partition(":")
    name = name.strip().lower()
    if name in ALIASES:
        name, _, preset = ALIASES[name].partition(":")
        rest = rest or preset
    if name not in FAMILIES:
        known = [*FAMILIES, *ALIASES]
        near = difflib.get_close_matches(name, known, n=3)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        raise TemplateError(
            f"{name!r} is neither a file nor a family of objects.{meant} "
            f"Families: {', '.join(sorted(FAMILIES))}; `scorehoi template list` shows their parameters."
        )
    return FAMILIES[name], parse_parameters(FAMILIES[name], rest)
