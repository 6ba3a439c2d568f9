"""BEHAVE at 30 frames a second, in the published layout.

behave-30fps-params-v1/<name>/{info.json, smpl_fit_all.npz, object_fit_all.npz}; images are those that
the data set's own tool extracts from its videos: sequences/<name>/t0003.033/k1.color.jpg.
"""

import re
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from scorehoi_ros.datasets import behave
from scorehoi_ros.datasets.bodies import demand_bodies
from scorehoi_ros.datasets.dataset import Dataset, Item, Request, Sample
from scorehoi_ros.datasets.files import demand, demand_root, read_npz
from scorehoi_ros.datasets.scene import MASKS_NOTE
from scorehoi_ros.errors import InputError
from scorehoi_ros.npz import Field
from scorehoi_ros.types import Floats

PARAMETERS = "behave-30fps-params-v1"
LAYOUT = f"{PARAMETERS}/, sequences/, objects/, calibs/, split.json"
HUMAN_FIELDS: dict[str, tuple[int, ...]] = {"poses": (156,), "betas": (10,), "trans": (3,)}
OBJECT_FIELDS: dict[str, tuple[int, ...]] = {"angles": (3,), "trans": (3,)}


def open_folder(request: Request) -> Dataset:
    """Annotated frames whose image has been extracted, as singles and as sequences."""
    root = demand_root(request.root, "behave-30fps", LAYOUT, behave.SOURCE)
    folder = demand(root / PARAMETERS, "BEHAVE's 30 fps registrations", behave.SOURCE)
    demand_bodies(request.body_models, "smplh")
    sequences, annotated = [], 0
    for name in _names(root, folder, request.split):
        times = list(read_parameters(folder / name))
        images = image_folder(root, name)
        there = [time for time in times if (images / time / f"k{behave.VIEW}.color.jpg").is_file()]
        annotated += len(times)
        sequences.append(
            [Item(f"{name}/{time}", partial(load, root, name, time, request.body_models)) for time in there]
        )
    sequences = [items for items in sequences if items]
    singles = [item for items in sequences for item in items]
    if not singles:
        raise InputError(
            f"{folder} annotates {annotated} frames, but no image of them is in {root / 'sequences'}, such "
            f"as t0003.033/k{behave.VIEW}.color.jpg. Extract them with tools/video2images.py of the "
            "behave-dataset repository, or use --dataset behave for the key frames."
        )
    version = (
        f"30 frames a second, split {request.split}, camera k{behave.VIEW}, {len(singles)} of {annotated} "
        f"annotated frames have an image, {MASKS_NOTE}"
    )
    return Dataset("behave-30fps", version, singles, sequences, overlapping=True)


def load(root: Path, name: str, time: str, body_models: Path | None) -> Sample:
    """One frame; raises ScorehoiError naming the file that is missing or damaged."""
    folder = root / PARAMETERS / name
    parameters = read_parameters(folder)[time]
    info_folder = folder if (folder / "info.json").is_file() else image_folder(root, name)
    info = behave.read_info(info_folder)
    images = image_folder(root, name) / time
    return behave.sample_from(root, info_folder, images, f"{name}/{time}", info, parameters, body_models)


@lru_cache(maxsize=4)
def read_parameters(folder: Path) -> dict[str, dict[str, Floats]]:
    """Parameters by frame time, for the times that both the person and the object have."""
    human = _checked(folder / "smpl_fit_all.npz", HUMAN_FIELDS)
    thing = _checked(folder / "object_fit_all.npz", OBJECT_FIELDS)
    places = {str(time): i for i, time in enumerate(thing["frame_times"])}
    result: dict[str, dict[str, Floats]] = {}
    for i, time in enumerate(map(str, human["frame_times"])):
        if (j := places.get(time)) is not None:
            result[time] = {
                "pose": human["poses"][i].reshape(52, 3).astype(np.float64),
                "betas": human["betas"][i].astype(np.float64),
                "trans": human["trans"][i].astype(np.float64),
                "angle": thing["angles"][j].astype(np.float64),
                "object_trans": thing["trans"][j].astype(np.float64),
            }
    return result


def image_folder(root: Path, name: str) -> Path:
    """Folder of the images: long recordings are annotated in parts that share one."""
    own = root / "sequences" / name
    return own if own.is_dir() else root / "sequences" / re.sub(r"_part\d+$", "", name)


def _checked(path: Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, Floats]:
    fields = {name: Field("fiu", ("frames", *shape)) for name, shape in shapes.items()}
    fields["frame_times"] = Field("U", ("frames",))
    return read_npz(path, fields, "BEHAVE's 30 fps registrations", behave.SOURCE)


def _names(root: Path, folder: Path, split: str) -> list[str]:
    """Annotated parts of the sequences of a split that are here."""
    here = sorted(path.name for path in folder.iterdir() if (path / "smpl_fit_all.npz").is_file())
    if split == "all":
        return here
    chosen = set(behave.sequence_names(root, folder, split))
    return [name for name in here if name in chosen or re.sub(r"_part\d+$", "", name) in chosen]
