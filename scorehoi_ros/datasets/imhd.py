"""IMHD2 (Zhao et al., CVPR 2024) in its published layout; bodies are neutral SMPL-H with 16 betas.

ground_truth/<date>/<segment>/<sequence>/gt_<part>_<start>_<end>.pkl, calibrations/<date>/{intrin,extrin}.json
and object_templates/<object>/<object>_simplified_transformed.obj; images of the main view, decoded from
video_release/<date>/<segment>/<sequence>/data2.mp4 into the folder data2 beside it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from scorehoi_ros.datasets.bodies import demand_bodies, licensed_body
from scorehoi_ros.datasets.dataset import Dataset, Item, Request, Sample
from scorehoi_ros.datasets.files import (
    demand,
    demand_root,
    field,
    read_image,
    read_json,
    read_masks,
    read_pickle,
)
from scorehoi_ros.datasets.scene import MASKS_NOTE, Annotated, camera_from_world, make_sample, rotation_matrix
from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.camera import intrinsics
from scorehoi_ros.types import Camera, Floats

SOURCE = (
    "IMHD2 comes from https://github.com/AfterJourney00/IMHD-Dataset (CC BY-NC-SA 4.0; its README links the "
    "form and the archive)"
)
LAYOUT = "ground_truth/, calibrations/, object_templates/, video_release/"
DECODE = "ffmpeg -i data2.mp4 -qscale:v 2 -f image2 -start_number 0 data2/%06d.jpg"
CALIBRATED_WIDTH = 3840
"""The intrinsics are those of the 4K videos."""
RATE_HZ = 60.0
ALIASES = {"bat": "baseball"}
"""Objects whose sequences are named otherwise than their templates."""
_PART = re.compile(r"gt_(\d+)_(\d+)_(\d+)")


@dataclass(frozen=True)
class Part:
    """One stretch of annotated frames."""

    path: Path
    date: str
    segment: str
    sequence: str
    start: int
    """Frame of the video that the first row belongs to."""
    end: int

    @property
    def thing(self) -> str:
        """Name of the object's template, from 20230910_af_skateboard."""
        name = self.segment.rpartition("_")[2]
        return ALIASES.get(name, name)


def open_folder(request: Request) -> Dataset:
    """Annotated frames whose image has been decoded; the data set has no official split: all is used."""
    root = demand_root(request.root, "imhd", LAYOUT, SOURCE)
    parts = find_parts(demand(root / "ground_truth", "IMHD2's motions", SOURCE))
    demand_bodies(request.body_models, "smplh")
    sequences = []
    for part in parts:
        numbers = range(part.start, part.end + 1)
        there = [n for n in numbers if image_file(root, part, n).is_file()]
        sequences.append(
            [Item(_key(part, n), partial(load, root, part, n, request.body_models)) for n in there]
        )
    sequences = [items for items in sequences if items]
    singles = [item for items in sequences for item in items]
    if not singles:
        where = image_file(root, parts[0], parts[0].start) if parts else root / "ground_truth/*/*/*/gt_*.pkl"
        raise InputError(
            f"missing {where}: {len(parts)} annotated parts were found, but no image of them. Decode the "
            f"main view beside the video: {DECODE}. {SOURCE}"
        )
    version = f"no official split, main view, {len(singles)} frames with an image, {MASKS_NOTE}"
    return Dataset("imhd", version, singles, sequences, overlapping=True)


def find_parts(folder: Path) -> list[Part]:
    """The annotated parts, from the names of their files."""
    parts = []
    for path in sorted(folder.glob("*/*/*/gt_*.pkl")):
        if match := _PART.fullmatch(path.stem):
            date, segment, sequence = path.relative_to(folder).parts[:3]
            parts.append(Part(path, date, segment, sequence, int(match[2]), int(match[3])))
    return parts


def image_file(root: Path, part: Part, number: int) -> Path:
    """Decoded image of a frame of the main view."""
    folder = root / "video_release" / part.date / part.segment / part.sequence / "data2"
    return folder / f"{number:06d}.jpg"


def load(root: Path, part: Part, number: int, body_models: Path | None) -> Sample:
    """One frame; raises ScorehoiError naming the file that is missing or damaged."""
    rows = read_part(part.path)
    place = number - part.start
    if place >= len(rows["smplPose"]):
        raise InputError(f"{part.path} has {len(rows['smplPose'])} frames; there is none for frame {number}.")
    body = licensed_body(body_models, "smplh", "neutral")
    rotations = np.concatenate(
        [rows["smplPose"][place].reshape(22, 3), rows["smplHandPose"][place].reshape(30, 3)]
    )
    human = body.pose(rotations, rows["smplShape"][place], rows["smplTrans"][place])
    mesh = root / "object_templates" / part.thing / f"{part.thing}_simplified_transformed.obj"
    demand(mesh, f"the mesh of {part.thing}", SOURCE)
    path = image_file(root, part, number)
    rgb = read_image(path, SOURCE)
    camera, T_cam_world = read_cameras(root / "calibrations" / part.date, rgb.shape[1], rgb.shape[0])
    person, thing = ([path.parent.parent / who / f"{path.stem}.png"] for who in ("human", "object"))
    return make_sample(
        Annotated(
            _key(part, number),
            round(number * 1e9 / RATE_HZ),
            rgb,
            read_masks(person, thing, *rgb.shape[:2]),
            camera,
            T_cam_world,
            human,
            mesh,
            rows["objectRot"][place],
            rows["objectTrans"][place],
            about_mean=True,
        )
    )


@lru_cache(maxsize=2)
def read_part(path: Path) -> dict[str, Floats]:
    """The motions of one part, one row a frame, in the world of that date."""
    values = read_pickle(path, "the motions of this part", SOURCE)
    count = len(np.atleast_1d(values.get("smplPose", ())))
    sizes = {"smplPose": 66, "smplHandPose": 90, "smplTrans": 3, "objectRot": 3, "objectTrans": 3}
    rows = {name: field(values, name, (count, size), path) for name, size in sizes.items()}
    shape = field(values, "smplShape", (-1,), path)
    per_frame = len(shape) // count if count and len(shape) % count == 0 and len(shape) > 16 else 0
    rows["smplShape"] = shape.reshape(count, per_frame) if per_frame else np.tile(shape, (count, 1))
    return rows


@lru_cache(maxsize=8)
def read_cameras(folder: Path, width: int, height: int) -> tuple[Camera, Floats]:
    """Camera of the main view for images of this size, and T_cam_world."""
    intrinsic_file, extrinsic_file = folder / "intrin.json", folder / "extrin.json"
    color = read_json(intrinsic_file, "camera intrinsics", SOURCE).get("color")
    if not isinstance(color, dict):
        raise InputError(f"{intrinsic_file} has no mapping 'color'. Get the calibration again.")
    scale = width / CALIBRATED_WIDTH
    fx, fy, cx, cy = (
        float(field(color, name, (), intrinsic_file)) * scale for name in ("fx", "fy", "cx", "cy")
    )
    extrinsic = read_json(extrinsic_file, "camera pose", SOURCE)
    R = rotation_matrix(field(extrinsic, "rotation", (3, 3), extrinsic_file), extrinsic_file)
    translation = field(extrinsic, "translation", (3,), extrinsic_file)
    return Camera(intrinsics(fx, fy, cx, cy), width, height), camera_from_world(R, translation, inverse=False)


def _key(part: Part, number: int) -> str:
    return f"{part.date}/{part.segment}/{part.sequence}/{number:06d}"
