"""Start the node in a full ROS 2 installation.

ros2 launch scorehoi_ros reconstruct.launch.py object:=box:0.40x0.30x0.25 image_topic:=/camera/image_raw
"""

import os
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription

ARGUMENTS = {
    "object": "object template: family, mesh file or .xyz",
    "prompt_box": "where the object is in the first image: x0,y0,x1,y1 in pixels",
    "method": "auto, regress, score, fit ...",
    "image_topic": "camera images",
    "transport": "raw or compressed",
    "image_reliability": "QoS of the inputs: auto, reliable or best_effort",
    "depth_topic": "depth registered to the images",
    "target_frame": "TF frame of the results; empty = the camera's",
    "camera": "fx,fy,cx,cy in pixels, where no CameraInfo comes",
    "autostart": "configure and activate at start: true or false",
    "use_sim_time": "use /clock: true or false",
}
"""Parameters that are launch arguments too; an empty one leaves the parameter file's value as it is."""
FLAGS = ("autostart", "use_sim_time")
WORDS = {"true": True, "false": False}
"""What a flag may be, in any case."""
NUMBERS = ("prompt_box",)


def generate_launch_description() -> LaunchDescription:
    """One node; a parameter file, and the most used parameters as launch arguments."""
    config = Path(get_package_share_directory("scorehoi_ros")) / "launch" / "config" / "reconstruct.yaml"
    declared = [
        DeclareLaunchArgument(name, default_value="", description=ARGUMENTS[name]) for name in ARGUMENTS
    ]
    declared += [
        DeclareLaunchArgument(
            "params_file", default_value=str(config), description="YAML file of parameters"
        ),
        DeclareLaunchArgument("namespace", default_value="", description="namespace of the node"),
        DeclareLaunchArgument("log_level", default_value="info", description="debug, info, warn or error"),
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=reconstruct_node)])


def reconstruct_node(context: LaunchContext) -> list[Node]:
    """The lifecycle node; launch arguments that were given win over the parameter file."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    parameters = {name: typed(name, text) for name, text in given.items() if text}
    return [
        Node(
            package="scorehoi_ros",
            executable="reconstruct_node",
            name="scorehoi",
            namespace=LaunchConfiguration("namespace"),
            output="screen",
            arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
            parameters=[LaunchConfiguration("params_file"), *([parameters] if parameters else [])],
            # Small tensors: one thread beats several that wait for each other.
            additional_env={"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
        )
    ]


def typed(name: str, text: str) -> Any:
    """An argument in the type of its parameter; raises RuntimeError when it is no flag or no numbers."""
    if name in FLAGS:
        if text.lower() not in WORDS:
            raise RuntimeError(f"{name} must be {' or '.join(WORDS)}. Got {text!r}.")
        return WORDS[text.lower()]
    if name in NUMBERS:
        try:
            return [float(number) for number in text.split(",")]
        except ValueError:
            raise RuntimeError(f"{name} must be numbers separated by commas. Got {text!r}.") from None
    # Text stays text: launch would read 12 as a number and `no` as false.
    return ParameterValue(text, value_type=str)
