"""Camera or bag, node and viewer together.

ros2 launch scorehoi_ros live.launch.py object:=ball:0.22 driver:=v4l2 viewer:=rviz
ros2 launch scorehoi_ros live.launch.py object:=ball:0.22 bag:=recording image_topic:=/camera/image_raw
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetLaunchConfiguration,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription

OPTICAL_FRAME = "camera_optical_frame"
RATE_HZ = 30


@dataclass(frozen=True)
class Driver:
    """A camera driver: its program, what the node listens to, its parameters from (device, width, height)."""

    package: str
    executable: str
    topics: dict[str, str]
    """Launch arguments of the node; those that the user gives win."""
    frame: str
    """Optical frame of its images."""
    parameters: Callable[[str, int, int], dict[str, Any]]


def v4l2(device: str, width: int, height: int) -> dict[str, Any]:
    """Parameters of v4l2_camera."""
    return {"video_device": device, "image_size": [width, height], "camera_frame_id": OPTICAL_FRAME}


def usb_cam(device: str, width: int, height: int) -> dict[str, Any]:
    """Parameters of usb_cam."""
    size = {"image_width": width, "image_height": height, "framerate": float(RATE_HZ)}
    return {"video_device": device, "frame_id": OPTICAL_FRAME, **size}


def realsense(device: str, width: int, height: int) -> dict[str, Any]:
    """Parameters of realsense2_camera, which finds its device itself; depth registered to the colours."""
    return {"rgb_camera.color_profile": f"{width}x{height}x{RATE_HZ}", "align_depth.enable": True}


# All of them run as node /camera/camera.
IMAGES = {"image_topic": "/camera/image_raw"}
DEPTH_IMAGES = {
    "image_topic": "/camera/camera/color/image_raw",
    "depth_topic": "/camera/camera/aligned_depth_to_color/image_raw",
}
DRIVERS = {
    "v4l2": Driver("v4l2_camera", "v4l2_camera_node", IMAGES, OPTICAL_FRAME, v4l2),
    "usb_cam": Driver("usb_cam", "usb_cam_node_exe", IMAGES, OPTICAL_FRAME, usb_cam),
    "realsense": Driver(
        "realsense2_camera", "realsense2_camera_node", DEPTH_IMAGES, "camera_color_optical_frame", realsense
    ),
}
ARGUMENTS = {
    "driver": ("", "camera driver to start", ["", *DRIVERS]),
    "video_device": ("/dev/video0", "device of the camera (v4l2, usb_cam)", None),
    "image_size": ("640x480", "size of the camera's images", None),
    "camera_info_url": ("", "calibration file of the camera, file:///... (v4l2, usb_cam)", None),
    "bag": ("", "recording to play instead of a camera; give image_topic too", None),
    "player": (
        "own",
        "own = as if recorded now; ros2 = `ros2 bag play` with /clock",
        ["own", "ros2"],
    ),
    "rate": ("1.0", "speed of the recording", None),
    "viewer": ("", "program to look at the results with", ["", "rviz", "foxglove"]),
    "fixed_frame": (
        "",
        "frame in which rviz shows them; empty = the driver's, else that of the layout",
        None,
    ),
}
"""Default, description and choices; the arguments of reconstruct.launch.py come on top."""


def generate_launch_description() -> LaunchDescription:
    """Source, node, viewer; in this order, because the source says what the node listens to."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text, choices=choices)
        for name, (default, text, choices) in ARGUMENTS.items()
    ]
    node = PythonLaunchDescriptionSource(str(launch_folder() / "reconstruct.launch.py"))
    return LaunchDescription(
        [
            *declared,
            OpaqueFunction(function=source),
            IncludeLaunchDescription(node),
            OpaqueFunction(function=viewer),
        ]
    )


def launch_folder() -> Path:
    """The installed folder of launch files."""
    return Path(get_package_share_directory("scorehoi_ros")) / "launch"


def argument(context: LaunchContext, name: str) -> str:
    """Value of a launch argument; empty when it is not set (yet)."""
    return str(LaunchConfiguration(name, default="").perform(context))


def source(context: LaunchContext) -> list[Any]:
    """The camera driver or the player; nothing when the images come from elsewhere."""
    driver, bag = argument(context, "driver"), argument(context, "bag")
    if driver and bag:
        raise RuntimeError(f"driver:={driver} and bag:={bag} exclude each other.")
    if driver:
        return camera(context, DRIVERS[driver])
    if bag:
        return recording(context, bag)
    return []


def camera(context: LaunchContext, driver: Driver) -> list[Any]:
    """The driver, and its topics as arguments of the node where the user gave none."""
    size = argument(context, "image_size")
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise RuntimeError(f"image_size must be WIDTHxHEIGHT in pixels, as 640x480. Got {size!r}.")
    parameters = driver.parameters(argument(context, "video_device"), int(width), int(height))
    url = argument(context, "camera_info_url")
    told = {"fixed_frame": driver.frame, **driver.topics}
    return [
        *(SetLaunchConfiguration(name, text) for name, text in told.items() if not argument(context, name)),
        Node(
            package=driver.package,
            executable=driver.executable,
            name="camera",
            namespace="camera",
            output="screen",
            parameters=[parameters | ({"camera_info_url": url} if url else {})],
        ),
    ]


def recording(context: LaunchContext, bag: str) -> list[Any]:
    """The player; `ros2 bag play` says the time too."""
    topic, rate = argument(context, "image_topic"), argument(context, "rate")
    if not topic:
        raise RuntimeError(f"bag:={bag} needs image_topic:=TOPIC; `ros2 bag info {bag}` lists the topics.")
    if argument(context, "player") == "ros2":
        play = ["ros2", "bag", "play", bag, "--clock", "--rate", rate]
        return [SetLaunchConfiguration("use_sim_time", "true"), ExecuteProcess(cmd=play, output="screen")]
    # python3 is that of the environment in which the node runs.
    play = ["python3", "-m", "scorehoi_ros.ros.tools.player", bag, "--rate", rate, "--image-topic", topic]
    return [ExecuteProcess(cmd=play, output="screen")]


def viewer(context: LaunchContext) -> list[Any]:
    """RViz with its layout, or the bridge for Foxglove (its layout is loaded there by hand)."""
    chosen = argument(context, "viewer")
    if chosen == "rviz":
        frame = argument(context, "fixed_frame")
        layout = ["-d", str(launch_folder() / "config" / "scorehoi.rviz")]
        words = [*layout, *(["-f", frame] if frame else [])]
        return [Node(package="rviz2", executable="rviz2", name="rviz", output="screen", arguments=words)]
    if chosen == "foxglove":
        return [Node(package="foxglove_bridge", executable="foxglove_bridge", output="screen")]
    return []
