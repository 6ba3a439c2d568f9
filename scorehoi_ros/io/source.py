"""Open whatever the user names: a video, images, or a bag."""

import dataclasses
from pathlib import Path

from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.io.bags.files import BAG_SUFFIXES, is_bag_file, list_storage_files
from scorehoi_ros.io.bags.reader import open_bag
from scorehoi_ros.io.frames import Source, camera_for
from scorehoi_ros.io.images import open_images
from scorehoi_ros.io.pictures.photos import IMAGE_SUFFIXES
from scorehoi_ros.io.video.reader import VIDEO_SUFFIXES, open_video

SUPPORTED = (
    f"a video ({', '.join(VIDEO_SUFFIXES)}), an image ({', '.join(IMAGE_SUFFIXES)}) or a folder of images, "
    f"or a rosbag2 recording (its folder, or one {' or '.join(BAG_SUFFIXES)} file, also packed by zstd)"
)


def open_source(
    path: str | Path,
    *,
    camera: str | None = None,
    masks_dir: Path | None = None,
    image_topic: str = "",
    inputs: InputConfig | None = None,
    rate_hz: float = 1.0,
) -> Source:
    """Source for a path, by its suffix or by what the folder holds.

    `camera`: "fx,fy,cx,cy" or a calibration file, short for `inputs.camera`; without one CameraInfo of the
    bag, else a guess.  `image_topic` and the rest of `inputs` are for bags, `rate_hz` for images, which have
    no times.  Raises InputError for a missing path, an unknown type, listing what is supported, and for
    settings of bags with something else.
    """
    path, inputs = Path(path), inputs or InputConfig()
    if camera is not None:
        inputs = dataclasses.replace(inputs, camera=camera)
    if not path.exists():
        raise InputError(f"{path} does not exist. Expected {SUPPORTED}.")
    if masks_dir is not None and not masks_dir.is_dir() and masks_dir.suffix.lower() != ".json":
        raise InputError(
            f"the masks folder {masks_dir} does not exist. It holds <stem>_human.* and <stem>_object.*; "
            "one COCO file (.json) will also do."
        )
    suffix = path.suffix.lower()
    if is_bag_file(path) or is_bag_folder(path):
        return open_bag(path, image_topic, inputs, masks_dir)
    _refuse_topics(path, image_topic, inputs)
    if path.is_dir() or suffix in IMAGE_SUFFIXES:
        return open_images(path, camera_for(inputs.camera), masks_dir, rate_hz, inputs.mask_ids)
    if suffix in VIDEO_SUFFIXES:
        return open_video(path, camera_for(inputs.camera), masks_dir, inputs.mask_ids)
    if suffix == ".bag":
        raise InputError(
            f"{path} is a ROS 1 bag. Convert it first: rosbags-convert --src {path} --dst FOLDER."
        )
    raise InputError(f"the type of {path} is not known. Expected {SUPPORTED}.")


def _refuse_topics(path: Path, image_topic: str, inputs: InputConfig) -> None:
    """Raise InputError for settings that would have no effect on a video or images."""
    for_all = ("camera", "human_mask_ids", "object_mask_ids")
    given = ["image_topic"] if image_topic else []
    given += [
        f.name
        for f in dataclasses.fields(InputConfig)
        if f.name not in for_all and getattr(inputs, f.name) != f.default
    ]
    if given:
        options = ", ".join("--" + name.replace("_", "-") for name in given)
        raise InputError(f"{options}: only for bags, and {path} is none. Leave it out.")


def is_bag_folder(path: Path) -> bool:
    """True for a folder with a rosbag2 metadata.yaml or storage files."""
    return path.is_dir() and ((path / "metadata.yaml").exists() or bool(list_storage_files(path)))
