"""The core imports without ROS, and the command line starts without the heavy libraries."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

WITHOUT_ROS = """
import importlib, pkgutil, sys

ROS = {"rclpy", "launch", "launch_ros", "rosbag2_py", "tf2_ros", "std_msgs", "sensor_msgs", "geometry_msgs"}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        generated = name.startswith(("rosidl", "scorehoi_ros.msg", "scorehoi_ros.srv"))
        if generated or name.split(".")[0] in ROS:
            raise ImportError(f"{name} is blocked: the core must not import it")

sys.meta_path.insert(0, Blocker())
import scorehoi_ros
skip = ("scorehoi_ros.ros", "scorehoi_ros.msg", "scorehoi_ros.srv", "scorehoi_ros.scorehoi_ros_s__")
found = pkgutil.walk_packages(scorehoi_ros.__path__, "scorehoi_ros.", onerror=lambda name: None)
names = [m.name for m in found if not m.name.startswith(skip)]
for name in names:
    importlib.import_module(name)
print(len(names))
"""

LIGHT = """
import sys
from scorehoi_ros.cli import build_parser
build_parser()
heavy = {"torch", "mediapipe", "ai_edge_litert", "cv2", "av", "onnxruntime", "numba", "rclpy", "trimesh"}
print(*sorted(heavy & set(sys.modules)))
"""


def python(code: str) -> str:
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout.strip().splitlines()[-1] if result.stdout.strip() else ""


def test_core_imports_without_ros() -> None:
    assert int(python(WITHOUT_ROS)) > 40


def test_the_parser_needs_no_heavy_library() -> None:
    assert python(LIGHT) == ""
