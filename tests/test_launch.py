"""Launch files and layouts, with stand-ins for `launch` (tests/fake_launch.py)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scorehoi_ros.messages.topics import TOPICS
from scorehoi_ros.ros.settings import FIELDS
from tests import fake_launch
from tests.fake_launch import described, launched

ROOT = Path(__file__).parents[1]
LAUNCH = ROOT / "launch"
LIVE, NODE = LAUNCH / "live.launch.py", LAUNCH / "reconstruct.launch.py"
PUBLISHED = {f"/scorehoi/{name}" for name in (*TOPICS, "overlay")} | {"/diagnostics"}
"""What docs/ros_api.md lists."""


@pytest.fixture(autouse=True)
def launch_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_launch.install(monkeypatch, ROOT)


def parameters(started: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in started["parameters"]:
        merged |= part if isinstance(part, dict) else {}
    return merged


def test_node_alone_gets_a_parameter_file_and_only_what_was_given() -> None:
    (node,) = launched(NODE)
    assert (node["package"], node["executable"], node["name"]) == (
        "scorehoi_ros",
        "reconstruct_node",
        "scorehoi",
    )
    assert node["parameters"] == [str(LAUNCH / "config" / "reconstruct.yaml")]
    assert (ROOT / "scripts" / node["executable"]).is_file()
    (node,) = launched(NODE, object="no", prompt_box="1,2,3,4.5", autostart="False", namespace="robot")
    assert parameters(node) == {"object": "no", "prompt_box": [1.0, 2.0, 3.0, 4.5], "autostart": False}
    assert node["namespace"] == "robot"


def test_arguments_of_the_node_are_its_parameters() -> None:
    by_ros = {"autostart", "use_sim_time", "params_file", "namespace", "log_level"}
    names = {e.name for e in described(NODE) if hasattr(e, "default_value")}
    assert by_ros < names and names - by_ros <= FIELDS.keys()


def test_arguments_have_descriptions_and_none_is_declared_twice() -> None:
    declared = [e for path in (LIVE, NODE) for e in described(path) if hasattr(e, "default_value")]
    assert all(len(e.description) > 5 for e in declared)
    assert len({e.name for e in declared}) == len(declared) > 15


@pytest.mark.parametrize(
    ("driver", "package", "topic", "size"),
    [
        ("v4l2", "v4l2_camera", "/camera/image_raw", {"image_size": [800, 600]}),
        ("usb_cam", "usb_cam", "/camera/image_raw", {"image_width": 800, "image_height": 600}),
        (
            "realsense",
            "realsense2_camera",
            "/camera/camera/color/image_raw",
            {"rgb_camera.color_profile": "800x600x30"},
        ),
    ],
)
def test_camera_and_node_agree(driver: str, package: str, topic: str, size: dict[str, Any]) -> None:
    camera, node = launched(LIVE, driver=driver, image_size="800x600", object="ball:0.22")
    assert camera["package"] == package and camera["namespace"] == camera["name"] == "camera"
    assert size.items() <= parameters(camera).items()
    assert parameters(node)["image_topic"] == topic and parameters(node)["object"] == "ball:0.22"
    assert ("depth_topic" in parameters(node)) == (driver == "realsense")


def test_what_the_user_says_wins_over_the_driver() -> None:
    camera, node = launched(LIVE, driver="v4l2", image_topic="/mine", camera_info_url="file:///c.yaml")
    assert parameters(node) == {"image_topic": "/mine"}
    assert parameters(camera)["camera_info_url"] == "file:///c.yaml"


def test_nothing_but_the_node_without_arguments() -> None:
    assert [p["executable"] for p in launched(LIVE)] == ["reconstruct_node"]


def test_recordings() -> None:
    own, node = launched(LIVE, bag="bag", image_topic="/i", rate="0.5")
    assert own["cmd"][:3] == ["python3", "-m", "scorehoi_ros.ros.tools.player"]
    assert own["cmd"][3:] == ["bag", "--rate", "0.5", "--image-topic", "/i"]
    assert parameters(node) == {"image_topic": "/i"}
    ros2, node = launched(LIVE, bag="bag", image_topic="/i", player="ros2")
    assert ros2["cmd"][:4] == ["ros2", "bag", "play", "bag"] and "--clock" in ros2["cmd"]
    assert parameters(node)["use_sim_time"] is True


def test_own_player_takes_the_words_it_is_given() -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2")
    player = pytest.importorskip("scorehoi_ros.ros.tools.player", reason="needs the built messages")
    (own, _) = launched(LIVE, bag="bag", image_topic="/i")
    args = player.build_parser().parse_args(own["cmd"][3:])
    assert (str(args.bag), args.rate, args.image_topic) == ("bag", 1.0, "/i")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"bag": "b"}, "needs image_topic"),
        ({"bag": "b", "driver": "v4l2"}, "exclude"),
        ({"driver": "webcam"}, "not valid"),
        ({"viewer": "vlc"}, "not valid"),
        ({"driver": "v4l2", "image_size": "640"}, "WIDTHxHEIGHT"),
        ({"prompt_box": "1,2,three,4"}, "prompt_box must be numbers"),
    ],
)
def test_wrong_arguments_end_with_words(arguments: dict[str, str], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        launched(LIVE, **arguments)


@pytest.mark.parametrize("text", ["1", "0", "yes", "on", "ture", "none", " "])
@pytest.mark.parametrize("flag", ["autostart", "use_sim_time"])
def test_a_flag_is_true_or_false_and_nothing_else(flag: str, text: str) -> None:
    with pytest.raises(RuntimeError, match=f"{flag} must be true or false. Got '{text}'"):
        launched(NODE, **{flag: text})


@pytest.mark.parametrize(("text", "value"), [("true", True), ("TRUE", True), ("False", False)])
def test_words_of_flags(text: str, value: bool) -> None:
    assert parameters(launched(NODE, use_sim_time=text)[0]) == {"use_sim_time": value}


def test_viewers() -> None:
    rviz = launched(LIVE, driver="realsense", viewer="rviz")[-1]
    assert rviz["arguments"][:2] == ["-d", str(LAUNCH / "config" / "scorehoi.rviz")]
    assert rviz["arguments"][2:] == ["-f", "camera_color_optical_frame"]
    assert launched(LIVE, viewer="rviz")[-1]["arguments"][2:] == []
    assert launched(LIVE, viewer="foxglove")[-1]["package"] == "foxglove_bridge"


def values_of(tree: Any, key: str) -> list[Any]:
    """Values of a key anywhere in nested dictionaries and lists."""
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    found = [tree[key]] if isinstance(tree, dict) and key in tree else []
    return found + [v for part in parts for v in values_of(part, key)]


def test_rviz_layout_shows_topics_of_the_node() -> None:
    layout = yaml.safe_load((LAUNCH / "config" / "scorehoi.rviz").read_text())
    displays = {d["Class"].split("/")[1]: d for d in layout["Visualization Manager"]["Displays"]}
    assert set(displays) == {"MarkerArray", "Pose", "Image", "TF"}
    shown = {topic["Value"] for topic in values_of(layout, "Topic")}
    assert shown == {"/scorehoi/markers", "/scorehoi/object_pose", "/scorehoi/overlay"} and shown <= PUBLISHED


def test_foxglove_layout_shows_topics_of_the_node() -> None:
    text = (LAUNCH / "config" / "foxglove.json").read_text()
    layout = json.loads(text)
    named = set(re.findall(r'"(/[\w/]+)', text))
    assert {"/scorehoi/markers", "/scorehoi/overlay", "/scorehoi/interaction", "/diagnostics"} <= named
    assert named <= PUBLISHED
    placed = set(re.findall(r'"(\w+!\w+)"', json.dumps(layout["layout"])))
    assert placed == set(layout["configById"])


def test_foxglove_plots_are_fields_of_the_message() -> None:
    layout = json.loads((LAUNCH / "config" / "foxglove.json").read_text())
    fields = re.findall(r"^\S+ (\w+)", (ROOT / "msg" / "Interaction.msg").read_text(), re.MULTILINE)
    plotted = [path["value"] for paths in values_of(layout, "paths") for path in paths]
    assert plotted and all(re.sub(r"\[\d\]$", "", p).split(".")[-1] in fields for p in plotted)
