"""The data card of a folder of shards: figures, histograms and a contact sheet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file, write_json
from scorehoi_ros.render.labels import caption
from scorehoi_ros.synth.storage import Example, read_shards
from scorehoi_ros.synth.truth import INTERACTIONS, NO_CONTACT, SceneTruth
from scorehoi_ros.types import NUM_JOINTS, Floats

SHEET_SIDE = 8
TILE_PX = 192
DEEP_ALLOWED = frozenset({"sit_on", "hug"})
"""Interactions in which soft bodies give way: left out of the figure on penetration."""
LIMIT_MM = 8.0
_FIGURES = ("penetration_mm", "object_visible", "confidence", "present")
_BAR = 40
HUMAN_RGB, OBJECT_RGB = (230, 120, 60), (70, 150, 230)
"""Colours of the outlines."""


@dataclass(frozen=True)
class Figures:
    """What the card is made of, one row for each scene."""

    truths: list[SceneTruth]
    penetration_mm: Floats
    object_visible: Floats
    hands_found: Floats
    """0, 1 or 2."""
    mask_missing: Floats
    """Whether the segmenter found no object."""
    skipped: list[str]


def collect(paths: Sequence[Path]) -> Figures:
    """Figures of all readable shards."""
    truths: list[SceneTruth] = []
    columns: list[list[NDArray]] = [[], [], [], []]
    skipped: list[str] = []
    for shard in read_shards(paths, _FIGURES, skipped):
        truths += shard.truths
        confidence = shard.arrays["confidence"]
        hands = (confidence[:, 33:54].max(1) > 0).astype(int) + (confidence[:, 54:].max(1) > 0)
        rows = (
            shard.arrays["penetration_mm"],
            shard.arrays["object_visible"],
            hands,
            ~shard.arrays["present"][:, 1],
        )
        for column, values in zip(columns, rows, strict=True):
            column.append(np.asarray(values, np.float64))
    if not truths:
        raise InputError("none of the shards can be read: there is nothing to describe.")
    deep, visible, found, missing = (np.concatenate(c) for c in columns)
    return Figures(truths, deep, visible, found, missing, skipped)


def summary(figures: Figures) -> dict[str, Any]:
    """The card as plain values."""
    truths = figures.truths
    kinds = np.array([t.interaction for t in truths])
    touched = np.array([t.human_contact.any() and t.object_contact.any() for t in truths])
    meant = ~np.isin(kinds, list(NO_CONTACT))
    firm = ~np.isin(kinds, list(DEEP_ALLOWED))
    contact = np.array([int(t.human_contact.sum()) for t in truths])
    return {
        "scenes": len(truths),
        "skipped_shards": len(figures.skipped),
        "interactions": _counts(kinds, INTERACTIONS),
        "objects": _counts([family(t.object_spec) for t in truths]),
        "object_instances": len({t.object_spec for t in truths}),
        "motion_clips": len({t.pose_source for t in truths}),
        "contact_share": _mean(touched[meant]),
        "contact_share_by_interaction": {
            k: _mean(touched[kinds == k]) for k in INTERACTIONS if (kinds == k).any()
        },
        "penetration_mm_p95": _percentile(figures.penetration_mm[firm], 95),
        "penetration_mm_p95_by_interaction": {
            k: _percentile(figures.penetration_mm[kinds == k], 95) for k in INTERACTIONS if (kinds == k).any()
        },
        "object_mask_missing": _mean(figures.mask_missing),
        "hands_found": _mean(figures.hands_found / 2),
        "histograms": {
            "human tokens in contact": histogram(contact, [0, 1, 5, 10, 20, 40, 80, 160, 432]),
            "object points in contact": histogram(
                [t.object_contact.sum() for t in truths], [0, 1, 4, 8, 16, 32, 65]
            ),
            "penetration, mm": histogram(figures.penetration_mm, [0, 1, 2, 4, 8, 16, 32, 1000]),
            "visible share of the object": histogram(
                figures.object_visible, [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.01]
            ),
            "distance of the pelvis, m": histogram([t.root[2] for t in truths], [0, 1, 2, 3, 4, 5, 7, 20]),
            "camera looks down, degrees": histogram(
                [tilt_deg(t) for t in truths], [-90, -20, -10, 0, 10, 20, 30, 90]
            ),
            "camera height, m": histogram([-t.floor_offset for t in truths], [0, 0.5, 1, 1.5, 2, 2.5, 10]),
            "field of view down, degrees": histogram(
                [fov_deg(t) for t in truths], [0, 35, 45, 55, 65, 75, 180]
            ),
        },
    }


def family(spec: str) -> str:
    """Kind of object of a spec: the family, or the name of the mesh file."""
    return Path(spec).stem if "/" in spec else spec.partition(":")[0]


def tilt_deg(truth: SceneTruth) -> float:
    """Degrees by which the camera looks down."""
    return float(np.degrees(np.arcsin(np.clip(-truth.floor_normal[2], -1, 1))))


def fov_deg(truth: SceneTruth) -> float:
    """Vertical field of view in degrees."""
    return float(np.degrees(2 * np.arctan(truth.height / (2 * truth.K[1, 1]))))


def histogram(values: Any, edges: Sequence[float]) -> dict[str, Any]:
    """Counts between the edges, the last one open; values below the first are counted in the first."""
    clipped = np.clip(np.asarray(values, np.float64), edges[0], np.nextafter(edges[-1], -np.inf))
    return {"edges": [float(e) for e in edges], "counts": np.histogram(clipped, edges)[0].tolist()}


def write_card(folder: Path, recipe: dict[str, Any], figures: Figures) -> dict[str, Any]:
    """Write `card.json` and `card.md`; returns the values."""
    values = summary(figures)
    write_json(folder / "card.json", {"recipe": recipe} | values)
    with whole_file(folder / "card.md") as temporary:
        temporary.write_text(markdown(recipe, values))
    return values


def markdown(recipe: dict[str, Any], values: dict[str, Any]) -> str:
    """The card as text with bars."""
    deep, share = values["penetration_mm_p95"], values["contact_share"]
    parts = [
        f"# Synthetic interactions, split {recipe['split']}\n",
        "Drawn by a program: no person, no captured object, no photograph unless a folder of backgrounds is "
        "named below. Body poses start from motion capture (mocap.cs.cmu.edu, created with funding from NSF "
        f"EIA-0196217, and other permissive sources). Ground truth: {NUM_JOINTS} joints, shape, object pose, "
        "contacts within 5 cm, floor.\n",
        f"- scenes: {values['scenes']}, of {values['object_instances']} objects and {values['motion_clips']} "
        f"motion clips; shards left out: {values['skipped_shards']}",
        f"- penetration, 95th percentile outside sitting and hugging: {_told(deep)} mm (goal {LIMIT_MM:g})",
        f"- contact in the interactions that have one: {_told(share, 100)} % of scenes (goal 85)",
        f"- hands that the simulated detector finds: {_told(values['hands_found'], 100)} %",
        f"- object missed by the simulated segmenter: {_told(values['object_mask_missing'], 100)} %",
        f"- recipe: {', '.join(f'{k} {v}' for k, v in sorted(recipe.items()) if v not in ('', None))}\n",
        "![64 scenes](sheet.png)\n",
        "## Interactions\n",
        _bars(values["interactions"]),
        "| interaction | touches, % | penetration p95, mm |\n|---|---|---|",
        "\n".join(
            f"| {k} | {_told(v, 100)} | {_told(values['penetration_mm_p95_by_interaction'][k])} |"
            for k, v in values["contact_share_by_interaction"].items()
        ),
        "\n## Objects\n",
        _bars(values["objects"]),
    ]
    for name, h in values["histograms"].items():
        labels = [f"{a:g} to {b:g}" for a, b in zip(h["edges"][:-1], h["edges"][1:], strict=True)]
        parts += [f"## {name[0].upper()}{name[1:]}\n", _bars(dict(zip(labels, h["counts"], strict=True)))]
    return "\n".join(parts)


def write_sheet(path: Path, shards: Sequence[Path]) -> int:
    """A PNG of up to 8 x 8 views spread over the shards; returns how many are on it."""
    counts = [len(shard) for shard in read_shards(shards, ())]
    wanted = set(np.unique(np.linspace(0, sum(counts) - 1, SHEET_SIDE**2).round().astype(int)).tolist())
    tiles, first = [], 0
    for shard in read_shards(shards):
        rows = [k - first for k in sorted(wanted) if first <= k < first + len(shard)]
        first += len(shard)
        for example in map(shard.example, rows):
            shown = outlines(example) if example.rgb is None else example.rgb
            small = np.asarray(cv2.resize(shown, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA), np.uint8)
            tiles.append(
                caption(small, f"{example.truth.interaction} {family(example.truth.object_spec)}", size=11)
            )
    blank = np.zeros((TILE_PX, TILE_PX, 3), np.uint8)
    tiles += [blank] * (-len(tiles) % SHEET_SIDE)
    lines = [np.hstack(tiles[k : k + SHEET_SIDE]) for k in range(0, len(tiles), SHEET_SIDE)]
    done, data = cv2.imencode(".png", np.vstack(lines)[..., ::-1])
    assert done
    with whole_file(path) as temporary:
        temporary.write_bytes(data.tobytes())
    return len(wanted)


def outlines(example: Example) -> NDArray[np.uint8]:
    """(S, S, 3) in place of a picture: true masks in full colour, what the segmenter took besides faintly."""
    picture = np.zeros((*example.human_mask.shape, 3), np.uint8)
    told = example.masks
    for true, taken, colour in (
        (example.human_mask, told.human, HUMAN_RGB),
        (example.object_mask, told.object, OBJECT_RGB),
    ):
        if taken is not None:
            picture[taken & ~true] = np.array(colour) // 3
        picture[true] = colour
    return picture


def _counts(values: Any, names: Sequence[str] = ()) -> dict[str, int]:
    """How often each value occurs, most frequent first; `names` are told even when they do not occur."""
    found = Counter(str(v) for v in values)
    both = {name: found.get(name, 0) for name in sorted({*names, *found})}
    return dict(sorted(both.items(), key=lambda item: -item[1]))


def _bars(counts: dict[str, int]) -> str:
    most, width = max(max(counts.values()), 1), max(len(name) for name in counts)
    rows = [f"{name:<{width}} {n:>7} {'#' * round(_BAR * n / most)}" for name, n in counts.items()]
    return "```\n" + "\n".join(rows) + "\n```\n"


def _mean(values: Any) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None


def _percentile(values: Floats, q: float) -> float | None:
    return round(float(np.percentile(values, q)), 2) if len(values) else None


def _told(value: float | None, factor: float = 1.0) -> str:
    return "-" if value is None else f"{value * factor:.1f}"
