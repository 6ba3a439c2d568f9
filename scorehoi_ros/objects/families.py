"""All parametric families by name, and the parser of specs such as "box:0.40x0.30x0.25" or "ball:0.22"."""

import difflib
import re

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


SHAPES: dict[str, str] = {
    "sphere": "ball", "globe": "ball", "soccerball": "ball", "cube": "box", "cuboid": "box", "carton": "box",
    "block": "box", "brick": "box", "package": "box", "parcel": "box", "crate": "container",
    "cylinder": "can", "tube": "can", "drum": "can", "tin": "can", "jar": "can", "mug": "cup", "glass": "cup",
    "pail": "bucket", "plank": "board", "panel": "board", "desk": "table", "sofa": "bench", "couch": "bench",
    "trolley": "suitcase", "luggage": "suitcase", "bag": "handbag", "rucksack": "backpack", "tablet": "phone",
    "mobile": "phone", "smartphone": "phone", "screen": "monitor", "notebook": "laptop", "mop": "broom",
    "bat": "racket", "paddle": "racket", "flask": "bottle", "basket": "bin", "dustbin": "bin",
}  # fmt: skip
"""Other words for what a family is; they are suggested, not taken: what is meant is the user's to say."""
_SIZES = re.compile(r"(\.?\d[\d.]*(\s*[xX×*,]\s*\.?\d[\d.]*)*|\w+=[\w.=,\s]+)?\s*")
_SPELLED = re.compile(r"\s*([A-Za-z_ ]*[A-Za-z])[\s:=_-]*(.*)", re.DOTALL)


def suggestion(spec: str) -> str:
    """The spec that a text which names neither family nor file may have meant; empty without a guess."""
    match = _SPELLED.fullmatch(spec)
    if match is None or not _SIZES.fullmatch(match[2]):
        return ""
    name, rest = (
        re.sub(r"[\s_]+", "_", match[1].lower()),
        re.sub(r"\s*[X×*,]\s*(?=[.\d])", "x", match[2].strip()),
    )
    words = {**{known: known for known in (*FAMILIES, *ALIASES)}, **SHAPES}
    near = difflib.get_close_matches(name, words, n=1, cutoff=0.75)
    if not near:
        return ""
    family = words[near[0]]
    return f"{family}:{rest}" if rest else family


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
        words = [*FAMILIES, *ALIASES, *SHAPES]
        near = [SHAPES.get(word, word) for word in difflib.get_close_matches(name, words, n=3)]
        best = suggestion(spec)
        near = [word for word in near if word != best.partition(":")[0] and name not in SHAPES]
        meant = " or ".join(dict.fromkeys(([best] if best else []) + near))
        meant = f" Did you mean {meant}?" if meant else ""
        raise TemplateError(
            f"{name!r} is neither a file nor a family of objects.{meant} "
            f"Families: {', '.join(sorted(FAMILIES))}; `scorehoi template list` shows their parameters."
        )
    return FAMILIES[name], parse_parameters(FAMILIES[name], rest)
