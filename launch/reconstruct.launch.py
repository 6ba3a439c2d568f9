"""Start the node in a full ROS 2 installation.

ros2 launch scorehoi_ros reconstruct.launch.py object:=box:0.40x0.30x0.25 image_topic:=/camera/image_raw
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue


def generate_launch_description() -> LaunchDescription:
    """One node; a parameter file, and the most used parameters as launch arguments."""
    share = Path(get_package_share_directory("scorehoi_ros"))
    arguments = {
        "params_file": (str(share / "launch" / "config" / "reconstruct.yaml"), "YAML file of parameters"),
        "namespace": ("", "namespace of the node"),
        "object": ("", "object template: family, mesh file or .xyz; empty = human only"),
        "image_topic": ("image", "camera images"),
        "transport": ("raw", "raw or compressed"),
        "autostart": ("true", "configure and activate at start"),
        "use_sim_time": ("false", "use /clock"),
        "log_level": ("info", "debug, info, warn, error"),
    }
    declared = [DeclareLaunchArgument(n, default_value=d, description=t) for n, (d, t) in arguments.items()]
    return LaunchDescription([*declared, reconstruct_node()])


def reconstruct_node() -> Node:
    """The lifecycle node; launch arguments win over the parameter file."""
    texts = ("object", "image_topic", "transport")
    flags = ("autostart", "use_sim_time")
    return Node(
        package="scorehoi_ros",
        executable="reconstruct_node",
        name="scorehoi",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        emulate_tty=True,
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
        parameters=[
            LaunchConfiguration("params_file"),
            {name: ParameterValue(LaunchConfiguration(name), value_type=str) for name in texts}
            | {name: ParameterValue(LaunchConfiguration(name), value_type=bool) for name in flags},
        ],
        # Small tensors: one thread beats several that wait for each other.
        additional_env={"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
    )
