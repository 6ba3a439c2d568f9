"""BEHAVE (Bhatnagar et al., CVPR 2022): the key frames, annotated once a second, in the published layout.

sequences/<name>/{info.json, t0003.000/{k1.color.jpg, k1.person_mask.jpg, k1.obj_rend_mask.jpg,
person/fit02/person_fit.pkl, <object>/fit01/<object>_fit.pkl}}, objects/<object>/*_f1000.ply,
calibs/{intrinsics, Date01/config}/<kinect>/*.json, split.json.  World = colour camera of kinect 1.
"""

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

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
    "BEHAVE comes from https://virtualhumans.mpi-inf.mpg.de/behave/license.html (non-commercial scientific "
    "research, no redistribution; register to download)"
)
LAYOUT = "sequences/, objects/, calibs/, split.json"
VIEW = 1
"""Kinect whose images are used: that of CHORE and of those who compare with it."""
MESHES = {"chairblack": "f2500", "chairwood": "f2500", "tablesquare": "f2000", "monitor": "closed_f1000"}
"""Simplified mesh that the fits were made with; f1000 for all other objects."""


def open_folder(request: Request) -> Dataset:
    """The key frames of a split; raises InputError when the layout is not BEHAVE's."""
    root = demand_root(request.root, "behave", LAYOUT, SOURCE)
    folder = demand(root / "sequences", "the folder of BEHAVE's sequences", SOURCE)
    demand_bodies(request.body_models, "smplh")
    items: list[Item] = []
    for name in sequence_names(root, folder, request.split):
        times = sorted(path.name for path in (folder / name).glob("t*") if path.is_dir())
        if not times:
            items.append(Item(name, partial(_no_frames, folder / name)))
        items += [
            Item(f"{name}/{time}", partial(load, root, name, time, request.body_models)) for time in times
        ]
    version = f"1 frame a second, split {request.split}, camera k{VIEW}, {MASKS_NOTE}"
    return Dataset("behave", version, items)


def sequence_names(root: Path, folder: Path, split: str) -> list[str]:
    """Names of the sequences of "train" or "test" by the official split.json, or of all folders."""
    if split == "all":
        return sorted(path.name for path in folder.iterdir() if path.is_dir())
    path = root / "split.json"
    splits = read_json(
        path, "the official split", f"It is in BEHAVE's download; --split all does without. {SOURCE}"
    )
    names = splits.get(split)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path} has no list {split!r}; it has {', '.join(splits)}. Get the file again.")
    return sorted(Path(name).name for name in names)


def load(root: Path, name: str, time: str, body_models: Path | None) -> Sample:
    """One key frame; raises ScorehoiError naming the file that is missing or damaged."""
    sequence = root / "sequences" / name
    info = read_info(sequence)
    frame_folder = sequence / time
    person_file = frame_folder / "person" / "fit02" / "person_fit.pkl"
    person = read_pickle(person_file, "the SMPL-H fit", SOURCE)
    object_file = find_object_fit(frame_folder, info["cat"])
    thing = read_pickle(object_file, "the object fit", SOURCE)
    parameters = {
        "pose": field(person, "pose", (52, 3), person_file),
        "betas": field(person, "betas", (10,), person_file),
        "trans": field(person, "trans", (3,), person_file),
        "angle": field(thing, "angle", (3,), object_file),
        "object_trans": field(thing, "trans", (3,), object_file),
    }
    return sample_from(root, sequence, frame_folder, f"{name}/{time}", info, parameters, body_models)


def sample_from(
    root: Path,
    calibrated: Path,
    images: Path,
    key: str,
    info: dict[str, Any],
    parameters: dict[str, Floats],
    body_models: Path | None,
) -> Sample:
    """A sample from parameters; `calibrated` is the folder that the paths in info.json are relative to."""
    body = licensed_body(body_models, "smplh", info["gender"])
    human = body.pose(parameters["pose"], parameters["betas"], parameters["trans"])
    mesh = find_mesh(root, info["cat"])
    camera = read_camera(calibrated / info["intrinsic"] / str(VIEW) / "calibration.json")
    T_cam_world = read_pose(calibrated / info["config"] / str(VIEW) / "config.json")
    rgb = read_image(images / f"k{VIEW}.color.jpg", SOURCE)
    person, thing, rendered = (
        [images / f"k{VIEW}.{kind}.{end}" for end in ("png", "jpg")]
        for kind in ("person_mask", "obj_mask", "obj_rend_mask")
    )
    return make_sample(
        Annotated(
            key,
            time_ns(images.name),
            rgb,
            read_masks(person, rendered + thing, *rgb.shape[:2]),
            camera,
            T_cam_world,
            human,
            mesh,
            parameters["angle"],
            parameters["object_trans"],
            about_mean=True,
        )
    )


def read_info(folder: Path) -> dict[str, Any]:
    """info.json of a sequence: object, gender, and where the calibration is."""
    path = folder / "info.json"
    info = read_json(path, "what is recorded in this sequence", SOURCE)
    for name in ("cat", "gender", "config", "intrinsic"):
        if not isinstance(info.get(name), str):
            raise InputError(f"{path}: {name} must be a text. Got {info.get(name)!r}.")
    return info


def find_object_fit(frame_folder: Path, category: str) -> Path:
    """The fit of the object, which for chairs and balls lies under the name of the detector's class."""
    converted = "chair" if "chair" in category else "sports ball" if "ball" in category else category
    for name in (converted, category):
        path = frame_folder / name / "fit01" / f"{name}_fit.pkl"
        if path.is_file():
            return path
    return demand(path, "the object fit", SOURCE)


def find_mesh(root: Path, category: str) -> Path:
    """The simplified mesh of an object."""
    path = root / "objects" / category / f"{category}_{MESHES.get(category, 'f1000')}.ply"
    return demand(path, f"the mesh of {category} that its poses refer to", SOURCE)


@lru_cache(maxsize=64)
def read_camera(path: Path) -> Camera:
    """Colour camera from an Azure Kinect calibration, with distortion in OpenCV's order."""
    calibration = read_json(path, "camera intrinsics", SOURCE).get("color")
    if not isinstance(calibration, dict):
        raise InputError(f"{path} has no mapping 'color'. Get the calibration again.")
    values = {name: float(field(calibration, name, (), path)) for name in ("fx", "fy", "cx", "cy")}
    K = intrinsics(values["fx"], values["fy"], values["cx"], values["cy"])
    distortion = field(calibration, "opencv", (-1,), path)[4:]
    if len(distortion) not in (0, 4, 5, 8):
        raise InputError(f"{path}: 'opencv' must hold 4 intrinsics and 4, 5 or 8 coefficients of distortion.")
    size = [int(field(calibration, name, (), path)) for name in ("width", "height")]
    return Camera(K, size[0], size[1], distortion, "rational_polynomial", "user")


@lru_cache(maxsize=64)
def read_pose(path: Path) -> Floats:
    """T_cam_world from a config.json, which holds camera -> world."""
    config = read_json(path, "camera pose", SOURCE)
    R = rotation_matrix(field(config, "rotation", (3, 3), path), path)
    return camera_from_world(R, field(config, "translation", (3,), path), inverse=True)


def time_ns(name: str) -> int:
    """Stamp of a frame folder such as t0003.033; 0 for other names."""
    try:
        return round(float(name.removeprefix("t")) * 1e9)
    except ValueError:
        return 0


def _no_frames(folder: Path) -> Sample:
    raise InputError(f"missing {folder / 't*'}: no frames of this sequence are here. {SOURCE}")
