"""Definitions of messages that need not be installed: the fields of vision_msgs 4 and hri_msgs for ROS 2."""

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

VISION = {
    "Point2D": "float64 x\nfloat64 y",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "BoundingBox3D": "geometry_msgs/Pose center\ngeometry_msgs/Vector3 size",
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\n"
    "geometry_msgs/PoseWithCovariance pose",
    "Detection2D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox2D bbox\nstring id",
    "Detection3D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox3D bbox\nstring id",
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections",
    "Detection3DArray": "std_msgs/Header header\nvision_msgs/Detection3D[] detections",
}
HRI = {
    "IdsList": "std_msgs/Header header\nstring[] ids",
    "NormalizedPointOfInterest2D": "float32 x\nfloat32 y\nfloat32 c",
    "NormalizedRegionOfInterest2D": "std_msgs/Header header\n"
    "float32 xmin\nfloat32 ymin\nfloat32 xmax\nfloat32 ymax\nfloat32 c",
    "Skeleton2D": "std_msgs/Header header\nhri_msgs/NormalizedPointOfInterest2D[18] skeleton",
}
PACKAGES = {
    "vision_msgs": (VISION, ("std_msgs", "geometry_msgs")),
    "hri_msgs": (HRI, ("std_msgs",)),
}
"""Definitions by name, and the packages that they need."""


@lru_cache(maxsize=1)
def optional_store() -> Any:
    """A rosbags typestore with them."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    for package, (definitions, _) in PACKAGES.items():
        for name, text in definitions.items():
            store.register(get_types_from_msg(text, f"{package}/msg/{name}"))
    return store


def write_package(folder: Path, package: str) -> Path:
    """A source package that builds as scripts/tf2_msgs does."""
    definitions, needs = PACKAGES[package]
    files = "\n".join(f'  "msg/{name}.msg"' for name in definitions)
    found = "\n".join(f"find_package({need} REQUIRED)" for need in needs)
    (folder / "msg").mkdir(parents=True)
    for name, text in definitions.items():
        (folder / "msg" / f"{name}.msg").write_text(text + "\n")
    (folder / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.8)\nproject({package})\nfind_package(ament_cmake REQUIRED)\n"
        f"find_package(rosidl_default_generators REQUIRED)\n{found}\n"
        f"rosidl_generate_interfaces(${{PROJECT_NAME}}\n{files}\n  DEPENDENCIES {' '.join(needs)}\n)\n"
        "ament_export_dependencies(rosidl_default_runtime)\nament_package()\n"
    )
    depends = "".join(f"<depend>{need}</depend>" for need in needs)
    (folder / "package.xml").write_text(
        f'<?xml version="1.0"?><package format="3"><name>{package}</name><version>4.0.0</version>'
        "<description>For a test.</description><maintainer email='nobody@example.invalid'>nobody</maintainer>"
        "<license>Apache-2.0</license><buildtool_depend>ament_cmake</buildtool_depend>"
        f"<buildtool_depend>rosidl_default_generators</buildtool_depend>{depends}"
        "<exec_depend>rosidl_default_runtime</exec_depend>"
        "<member_of_group>rosidl_interface_packages</member_of_group>"
        "<export><build_type>ament_cmake</build_type></export></package>\n"
    )
    return folder


def build(folder: Path, package: str, prefix: Path) -> None:
    """Build a package below `folder` and install it into `prefix`, as scripts/build_messages.sh does."""
    venv = Path(sys.prefix)
    source, target = write_package(folder / "source", package), folder / "build"
    away = ("PYTHONPATH", "LD_LIBRARY_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE")
    environment = {name: value for name, value in os.environ.items() if name not in away}
    environment |= {"AMENT_PREFIX_PATH": str(venv), "CMAKE_PREFIX_PATH": str(venv)}
    environment["PATH"] = f"{venv / 'bin'}{os.pathsep}{environment['PATH']}"
    options = [
        f"-DCMAKE_INSTALL_PREFIX={prefix}", f"-DPython3_EXECUTABLE={venv / 'bin' / 'python'}",
        "-DPython3_FIND_VIRTUALENV=ONLY", "-DBUILD_TESTING=OFF",
    ]  # fmt: skip
    for arguments in (
        ["-S", str(source), "-B", str(target), *options], ["--build", str(target)], ["--install", str(target)]
    ):  # fmt: skip
        done = subprocess.run(["cmake", *arguments], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
