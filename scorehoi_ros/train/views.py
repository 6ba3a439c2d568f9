"""Shards of synthetic scenes as tensors in memory, everything in the view frame of each crop."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix
from scorehoi_ros.geometry.view import crop_units, focal_of, turn_z_to, view_axes
from scorehoi_ros.networks.regressor import Seen
from scorehoi_ros.synth.scene.kinds import template_of
from scorehoi_ros.synth.storage import Shard, read_shards
from scorehoi_ros.train.templates import TemplateTable, make_table

TORSO = (11, 12, 23, 24)
"""Landmarks whose middle the detector takes as the direction in which it sees the person."""
FAR = 3.0
"""Landmarks are not believed farther out than this, in half crops."""
_ARRAYS = ("planes", "whole", "scores", "pixels", "world", "confidence", "T_crop_image", "K_crop")


@dataclass(frozen=True)
class Views:
    """n views; what the network sees, and the truth."""

    planes: Tensor
    """(n, 6, S * S / 8) packed bits: true masks, told masks, whole outlines, each of human and object."""
    landmarks: Tensor
    """(n, 75, 2) in the crop, -1..1."""
    world: Tensor
    """(n, 75, 3) metres, view axes."""
    confidence: Tensor
    """(n, 75)"""
    focal: Tensor
    """(n,) sides of the crop."""
    scores: Tensor
    """(n, 2)"""
    K_view: Tensor
    """(n, 3, 3) K_crop R_cam_view: view frame -> pixels of the crop."""
    rotations: Tensor
    """(n, 52, 3, 3) of the joints, row 0 body -> view."""
    betas: Tensor
    """(n, 10)"""
    pelvis: Tensor
    """(n, 3) metres."""
    R_object: Tensor
    """(n, 3, 3)"""
    origin: Tensor
    """(n, 3) metres, of the object."""
    floor: Tensor
    """(n, 4) unit normal and offset: normal . x = offset."""
    human_contact: Tensor
    """(n, 431) bool."""
    object_contact: Tensor
    """(n, 64) bool."""
    floor_contact: Tensor
    """(n, 64) bool."""
    template: Tensor
    """(n,) rows of the table of templates."""
    pictures: Tensor
    """(n, 3, S, S) uint8 RGB, or (n, 0) when they were not asked for."""

    def __len__(self) -> int:
        return len(self.focal)

    @property
    def side(self) -> int:
        """Pixels of the crops."""
        return int(np.sqrt(self.planes.shape[-1] * 8))

    def to(self, device: torch.device | str) -> "Views":
        """The same on a device."""
        return Views(*(getattr(self, f.name).to(device) for f in fields(self)))

    def rows(self, index: Tensor) -> "Views":
        """Some of the views."""
        return Views(*(getattr(self, f.name)[index] for f in fields(self)))

    def masks(self) -> Tensor:
        """(n, 6, S, S) bits as 0 or 1, float32."""
        shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=self.planes.device)
        bits = (self.planes[..., None] >> shifts) & 1
        return bits.flatten(-2).unflatten(-1, (self.side, self.side)).float()


@dataclass(frozen=True)
class TrainingSet:
    """Views with their templates."""

    views: Views
    table: TemplateTable
    interactions: tuple[str, ...]
    """One for each view."""

    def to(self, device: torch.device | str) -> "TrainingSet":
        """The same on a device."""
        return TrainingSet(self.views.to(device), self.table.to(device), self.interactions)


def load_views(paths: Sequence[Path], pictures: bool = False, limit: int | None = None) -> TrainingSet:
    """Read shards of `scorehoi synth`; with `pictures` for a network that looks at them.

    Bad shards are left out.  Raises InputError when no view is left, or pictures are asked for and missing.
    """
    parts, specs, interactions = [], [], []
    for shard in read_shards(paths, only=(*_ARRAYS, *(("rgb", "rgb_end") if pictures else ()))):
        parts.append(_views_of(shard, pictures))
        specs += [truth.object_spec for truth in shard.truths]
        interactions += [truth.interaction for truth in shard.truths]
        if limit is not None and len(specs) >= limit:
            break
    if not specs:
        raise InputError("no shard of the training data could be read. Make them with `scorehoi synth`.")
    names = sorted(set(specs))
    rows = torch.tensor(np.searchsorted(names, specs))
    joined = {f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Views)}
    return TrainingSet(
        Views(**joined | {"template": rows}), make_table([template_of(n) for n in names]), tuple(interactions)
    )


def _views_of(shard: Shard, pictures: bool) -> Views:
    a, truths = shard.arrays, shard.truths

    def tensor(values: object) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=torch.float64)

    def told(name: str) -> Tensor:
        return tensor(np.stack([getattr(t, name) for t in truths]))

    side = int(np.sqrt(a["planes"].shape[1] * 8 / 4))
    K_crop = tensor(a["K_crop"])
    R = view_axes(K_crop, side)
    pixels, K = tensor(a["pixels"]), told("K")
    rotations = axis_angle_to_matrix(told("pose"))
    T, normal = told("T_cam_object"), told("floor_normal")
    rotations[:, 0], R_object = R.mT @ rotations[:, 0], R.mT @ T[:, :3, :3]
    values = {
        "landmarks": crop_units(_mapped(pixels, tensor(a["T_crop_image"])), side).clamp(-FAR, FAR),
        "world": _seen_world(tensor(a["world"]), pixels, K) @ R,
        "confidence": tensor(a["confidence"]),
        "focal": focal_of(K_crop, side),
        "scores": tensor(a["scores"]),
        "K_view": K_crop @ R,
        "rotations": rotations,
        "betas": told("betas"),
        "pelvis": (told("root")[:, None] @ R)[:, 0],
        "R_object": R_object,
        "origin": (T[:, None, :3, 3] @ R)[:, 0],
        "floor": torch.cat(((normal[:, None] @ R)[:, 0], told("floor_offset")[:, None]), 1),
    }
    planes = a["planes"].reshape(len(truths), 4, -1)
    # Shards with pictures do not keep the whole outlines.
    whole = a["whole"].reshape(len(truths), 2, -1) if "whole" in a else planes[:, :2]
    contacts = {n: told(n).bool() for n in ("human_contact", "object_contact", "floor_contact")}
    return Views(
        planes=torch.as_tensor(np.concatenate((planes, whole), 1)),
        template=torch.zeros(len(truths), dtype=torch.long),
        pictures=_pictures(shard) if pictures else torch.zeros(len(truths), 0, dtype=torch.uint8),
        **{name: value.float() for name, value in values.items()},
        **contacts,
    )


def _pictures(shard: Shard) -> Tensor:
    drawn = [picture for row in range(len(shard)) if (picture := shard.picture(row)) is not None]
    if len(drawn) < len(shard):
        raise InputError("the shards have no pictures. Make them without --no-pictures for this network.")
    return torch.as_tensor(np.stack(drawn)).permute(0, 3, 1, 2)


def _mapped(pixels: Tensor, T: Tensor) -> Tensor:
    """Pixels (n, 75, 2) through homographies (n, 3, 3) that keep parallels."""
    return pixels @ T[:, :2, :2].mT + T[:, None, :2, 2]


def _seen_world(world: Tensor, pixels: Tensor, K: Tensor) -> Tensor:
    """World landmarks with camera axes, as `perception.human.placing.turn_to_view` gives them."""
    middle = pixels[:, TORSO].mean(1)
    ray = torch.linalg.solve(K, torch.cat((middle, torch.ones_like(middle[:, :1])), 1)[..., None])[..., 0]
    return world @ turn_z_to(torch.nn.functional.normalize(ray, dim=-1)).mT


def seen_of(views: Views, masks: Tensor, points: Tensor, shapes: Tensor, pixels: int) -> Seen:
    """What the network is given of some views.

    `masks` (n, 2, S, S), `points` (n, 64, 3), `shapes` (n, 64, POINT_FEATURES); `pixels` a side it looks at.
    """
    if views.side != pixels:
        masks = torch.nn.functional.interpolate(masks, size=(pixels, pixels), mode="area")
    return Seen(
        masks, views.landmarks, views.world, views.confidence, views.focal, views.scores, points, shapes
    )
