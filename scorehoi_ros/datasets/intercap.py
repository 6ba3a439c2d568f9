"""InterCap (Huang et al., GCPR 2022) in its published layout; bodies are SMPL-X, world = camera 1.

Res/<subject>/<object>/Seg_<n>/res.pkl, RGBD_Images/<subject>/<object>/Seg_<n>/Frames_Cam1/color/00000.jpg;
from its repository: Data/calibration_*/Color*.json and objs/<object>.ply (obj_track/objs there).
Masks, where made: Frames_Cam1/mask/00000_human.png and _object.png (CONTHO's names).
"""

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from scorehoi_ros.datasets.bodies import LicensedBody, demand_bodies, licensed_body
from scorehoi_ros.datasets.dataset import Dataset, Human, Item, Request, Sample
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
    "InterCap comes from https://intercap.is.tue.mpg.de (non-commercial scientific research; register to "
    "download Res.zip and RGBD_Images.zip); calibrations and object meshes are in its code repository, "
    "YinghaoHuang91/InterCap: Data/calibration_* and obj_track/objs"
)
LAYOUT = "Res/, RGBD_Images/, Data/calibration_first, _second, _third, and objs/"
VIEW = 1
RATE_HZ = 30.0
RESULTS = ("res.pkl", "res_2.pkl")
TEST_SUBJECTS = ("09", "10")
"""Subjects of the test split that VisTracker introduced."""
GENDERS = dict(zip((f"{i:02d}" for i in range(1, 11)), "mmfmmffffm", strict=True))
"""Gender of each subject's body model."""


def open_folder(request: Request) -> Dataset:
    """All annotated frames of a split's subjects, as singles and as sequences."""
    root = demand_root(request.root, "intercap", LAYOUT, SOURCE)
    results = demand(root / "Res", "InterCap's fits (Res.zip)", SOURCE)
    demand_bodies(request.body_models, "smplx")
    sequences = []
    for path in segments(results, request.split):
        place = path.relative_to(results)
        images = sorted((root / "RGBD_Images" / place / f"Frames_Cam{VIEW}" / "color").glob("*.jpg"))
        if not images:
            sequences.append([Item(str(place), partial(_no_images, root, place))])
            continue
        sequences.append(
            [Item(f"{place}/{i.stem}", partial(load, root, place, i, request.body_models)) for i in images]
        )
    if not sequences:
        raise InputError(
            f"{results} has no <subject>/<object>/Seg_<n> of the split {request.split}. {SOURCE}"
        )
    singles = [item for items in sequences for item in items]
    version = f"split {request.split} (test: subjects 09, 10), camera {VIEW}, SMPL-X bodies, {MASKS_NOTE}"
    return Dataset("intercap", version, singles, sequences, overlapping=True)


def segments(results: Path, split: str) -> list[Path]:
    """Folders of the segments of a split."""
    found = sorted(path for path in results.glob("[0-9][0-9]/[0-9][0-9]/Seg_*") if path.is_dir())
    if split == "all":
        return found
    return [p for p in found if (p.relative_to(results).parts[0] in TEST_SUBJECTS) == (split == "test")]


def load(root: Path, place: Path, image: Path, body_models: Path | None) -> Sample:
    """One frame; raises ScorehoiError naming the file that is missing or damaged."""
    subject, thing = place.parts[:2]
    path, values = read_segment(root / "Res" / place)
    number = int(image.stem) if image.stem.isdecimal() else -1
    if not 0 <= number < len(values["betas"]):
        raise InputError(f"{path} has {len(values['betas'])} frames; there is none for {image.name}.")
    gender = {"m": "male", "f": "female"}[GENDERS.get(subject, "m")]
    body = licensed_body(body_models, "smplx", gender)
    human = posed(body, {name: array[number] for name, array in values.items()})
    mesh = demand(root / "objs" / f"{thing}.ply", f"the mesh of object {thing}", SOURCE)
    K, distortion, T_cam_world = read_calibration(calibration_file(root, subject, thing))
    rgb = read_image(image, SOURCE)
    height, width = rgb.shape[:2]
    camera = Camera(K, width, height, distortion, "rational_polynomial", "user")
    mask_folder = image.parent.parent / "mask"
    person, thing_mask = ([mask_folder / f"{image.stem}_{who}.png"] for who in ("human", "object"))
    return make_sample(
        Annotated(
            f"{place}/{image.stem}",
            round(number * 1e9 / RATE_HZ),
            rgb,
            read_masks(person, thing_mask, height, width),
            camera,
            T_cam_world,
            human,
            mesh,
            values["ob_pose"][number],
            values["ob_trans"][number],
            about_mean=False,
        )
    )


@lru_cache(maxsize=2)
def read_segment(folder: Path) -> tuple[Path, dict[str, Floats]]:
    """The fits of a segment, one row a frame; hands may be 45 angles or fewer principal components."""
    path = next((folder / name for name in RESULTS if (folder / name).is_file()), folder / RESULTS[0])
    values: dict[str, Any] = read_pickle(path, "the fits of this segment", SOURCE)
    count = len(np.atleast_1d(values.get("betas", ())))
    sizes = {"betas": 10, "transl": 3, "global_orient": 3, "body_pose": 63, "ob_pose": 3, "ob_trans": 3}
    optional = {"jaw_pose": 3, "leye_pose": 3, "reye_pose": 3, "expression": 10}
    rows = {name: field(values, name, (count, size), path) for name, size in sizes.items()}
    for name, size in optional.items():
        rows[name] = field(values, name, (count, size), path) if name in values else np.zeros((count, size))
    for name in ("left_hand_pose", "right_hand_pose"):
        rows[name] = field(values, name, (count, -1), path)
    return path, rows


def posed(body: LicensedBody, row: dict[str, Floats]) -> Human:
    """The SMPL-X mesh of one frame with its SMPL-H joints."""
    rotations = np.concatenate(
        [
            row["global_orient"][None],
            row["body_pose"].reshape(21, 3),
            np.stack([row["jaw_pose"], row["leye_pose"], row["reye_pose"]]),
            body.hand(row["left_hand_pose"], "left"),
            body.hand(row["right_hand_pose"], "right"),
        ]
    )
    return body.pose(rotations, row["betas"], row["transl"], row["expression"])


def calibration_file(root: Path, subject: str, thing: str) -> Path:
    """The calibration of a recording: the cameras were moved twice (obj_track/utils.py of the repository)."""
    who, what = int(subject), int(thing)
    number = "first"
    if who >= 8 or (who != 3 and what >= 8):
        number = "second"
    elif (who == 3 and what >= 8) or who in (5, 6, 7):
        number = "third"
    name = "Color.json" if VIEW == 1 else f"Color_{VIEW}.json"
    return root / "Data" / f"calibration_{number}" / name


@lru_cache(maxsize=8)
def read_calibration(path: Path) -> tuple[Floats, Floats, Floats]:
    """K (3, 3), eight coefficients of distortion in OpenCV's order, and T_cam_world."""
    values = read_json(path, "camera calibration", SOURCE)
    f, c = field(values, "f", (2,), path), field(values, "c", (2,), path)
    R = rotation_matrix(field(values, "R", (3,), path), path)
    T_cam_world = camera_from_world(R, field(values, "T", (3,), path), inverse=False)
    return intrinsics(f[0], f[1], c[0], c[1]), field(values, "k", (-1,), path), T_cam_world


def _no_images(root: Path, place: Path) -> Sample:
    folder = root / "RGBD_Images" / place / f"Frames_Cam{VIEW}" / "color"
    raise InputError(f"missing {folder / '00000.jpg'}: the colour images of {place}. {SOURCE}")
