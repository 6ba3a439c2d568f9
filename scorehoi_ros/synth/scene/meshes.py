"""Objects from a folder of mesh files with an `index.json`, sorted into kinds by their names."""

import json
import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from scorehoi_ros.errors import InputError, TemplateError
from scorehoi_ros.geometry.mesh import is_watertight, welded
from scorehoi_ros.objects.check import WELD
from scorehoi_ros.synth.scene.kinds import Instance, template_of
from scorehoi_ros.synth.splits import clip_split

MESH_SHARE = 0.4
"""Share of the objects of a kind that come from the folder, where it has any."""
LICENCES = ("public domain", "cc0", "cc-0", "cc by", "cc-by", "creative commons attribution")
"""Licences that allow training of weights that are passed on; files under others are left out."""
_RESTRICTIONS = re.compile(r"\b(nc|nd|sa|non-?commercial|no-?deriv\w*|share-?alike)\b")
"""Words that take such a permission back: "CC BY" allows it, "CC BY-NC" does not."""
_NAMES = {
    "chair": "chairwood", "cafe chair": "chairwood", "stool": "stool", "bench": "bench", "table": "table",
    "wooden table": "table", "round table": "round_table", "coffee table": "tablesmall",
    "bedside table": "tablesmall", "box": "boxmedium", "crate": "boxmedium", "cardboard box": "boxmedium",
    "basketball": "basketball", "soccer ball": "football",
}  # fmt: skip
"""Names of meshes that stand for a kind whose plans need no knowledge of a family's handles."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeshShelf:
    """The usable meshes of a folder."""

    by_kind: dict[str, tuple[Instance, ...]]

    @staticmethod
    def of(folder: Path) -> "MeshShelf":
        """The shelf of a folder, read once; raises InputError when there is no usable mesh."""
        return _read(folder)

    def draw(self, split: str, kind: str, rng: np.random.Generator) -> Instance | None:
        """A mesh of this kind that belongs to the split, or None for a member of the family instead."""
        found = [i for i in self.by_kind.get(kind, ()) if clip_split(Path(i.spec).name) == split]
        if rng.random() >= MESH_SHARE or not found:
            return None
        return found[int(rng.integers(len(found)))]


@lru_cache(maxsize=2)
def _read(folder: Path) -> MeshShelf:
    entries = _entries(folder)
    shelf: dict[str, list[Instance]] = {}
    skipped = 0
    for entry in entries:
        kind = _NAMES.get(str(entry.get("name", "")).strip().lower())
        if kind is None:
            continue
        instance = _instance(folder, entry, kind)
        if instance is None:
            skipped += 1
        else:
            shelf.setdefault(kind, []).append(instance)
    if skipped:
        _log.warning(
            "%s: %d meshes are left out (licence, missing, not watertight or unusable)", folder, skipped
        )
    if not shelf:
        raise InputError(
            f"{folder} holds no usable mesh of a known kind. Expected names such as "
            f"{', '.join(sorted(_NAMES)[:6])}, under a licence that allows passing weights on."
        )
    return MeshShelf({kind: tuple(found) for kind, found in shelf.items()})


def _entries(folder: Path) -> list[dict[str, object]]:
    try:
        entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} has no readable index.json ({error}). Expected a list of objects with file, name, lic."
        ) from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{folder / 'index.json'} is not a list of objects with file, name and lic.")
    return entries


def _instance(folder: Path, entry: dict[str, object], kind: str) -> Instance | None:
    licence = str(entry.get("lic") or entry.get("licence") or "").lower()
    if not any(allowed in licence for allowed in LICENCES) or _RESTRICTIONS.search(licence):
        return None
    path = folder / str(entry.get("file", ""))
    try:
        template = template_of(str(path))
    except TemplateError as error:
        _log.warning("%s is left out: %s", path, error)
        return None
    size = np.ptp(template.mesh.vertices, axis=0)
    if not is_watertight(welded(template.mesh, WELD * float(size.max()))):
        _log.info("%s is left out: its surface has holes, so what is inside is not certain", path)
        return None
    return Instance(
        kind, "mesh", str(path), dict(zip(("width", "height", "depth"), size.tolist(), strict=True))
    )
