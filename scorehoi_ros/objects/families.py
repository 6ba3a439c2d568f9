"""All parametric families by name, and the parser of specs such as "box:0.40x0.30x0.25" or "ball:0.22"."""

import difflib

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.objects import families_basic
from scorehoi_ros.objects.family import Family, parse_parameters

_ALL: tuple[Family, ...] = (*families_basic.FAMILIES,)
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}


def is_family_spec(spec: str) -> bool:
    """Whether a text names a family ("ball", "ball:0.22") rather than a file."""
    return spec.partition(":")[0].strip().lower() in FAMILIES


def parse_spec(spec: str) -> tuple[Family, dict[str, float]]:
    """The family and all its parameters from a spec.

    Raises TemplateError naming the nearest families or listing the parameters of the one meant.
    """
    name, _, rest = spec.partition(":")
    name = name.strip().lower()
    if name not in FAMILIES:
        near = difflib.get_close_matches(name, FAMILIES, n=3)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        raise TemplateError(
            f"{name!r} is neither a file nor a family of objects.{meant} Families: {', '.join(sorted(FAMILIES))}; "
            "`scorehoi template list` shows their parameters."
        )
    return FAMILIES[name], parse_parameters(FAMILIES[name], rest)
