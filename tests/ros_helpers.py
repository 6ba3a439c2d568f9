"""A node process with the fake pipeline, and a ROS node in the test process to talk to it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from scorehoi_ros.msg import Interaction
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from scorehoi_ros.frame.session import Build
from scorehoi_ros.ros.app import run_node
from scorehoi_ros.ros.picture import image_message
from tests.fake_pipeline import FakePipeline
from tests.forked import Forked

TESTS = Path(__file__).parent
TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}
RELIABLE = QoSProfile(depth=50)
START_S = 60.0
"""Importing torch takes long on a busy machine."""


def parameters(**values: Any) -> list[str]:
    result = ["--ros-args"]
    for name, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        result += ["-p", f"{name}:={text}"]
    return result


@contextmanager
def node_process(
    log: Path,
    delay_s: float = 0.0,
    rules: Sequence[str] = (),
    fresh: bool = False,
    build: Build = FakePipeline,
    **values: Any,
) -> Iterator["subprocess.Popen[bytes] | Forked"]:
    """The node in a process of its own, its output in `log`; ended by SIGINT as a user would.

    `rules`: what is remapped, "from:=to".  `fresh` = by an interpreter of its own, which takes seconds, and
    with the fake pipeline.  `build` makes the pipeline of one that is not fresh.
    """
    arguments = parameters(**values) + [word for rule in rules for word in ("-r", rule)]
    environment = os.environ | {"FAKE_DELAY_S": str(delay_s), "PYTHONPATH": str(TESTS.parent)}
    process: subprocess.Popen[bytes] | Forked
    if fresh:
        command = [sys.executable, str(TESTS / "fake_pipeline.py"), *arguments]
        with log.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    else:
        process = Forked(log, environment, run_node, build, arguments)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


class Talker:
    """Publishes images, hears results, calls services."""

    def __init__(self) -> None:
        self.node = Node("tester")
        self.image = self.node.create_publisher(Image, "image", RELIABLE)
        self.info = self.node.create_publisher(CameraInfo, "camera_info", RELIABLE)
        self.clients: dict[str, Any] = {}
        self.results: list[Any] = []
        self.diagnostics: list[Any] = []
        self.hear(Interaction, "/scorehoi/interaction", self.results)
        self.hear(DiagnosticArray, "/diagnostics", self.diagnostics)
        self.stamp_ns = 1_700_000_000_000_000_000

    def hear(self, kind: Any, topic: str, into: list[Any], qos: QoSProfile = RELIABLE) -> Any:
        return self.node.create_subscription(kind, topic, into.append, qos)

    def until(self, condition: Callable[[], Any], timeout_s: float = 15.0) -> Any:
        end = time.monotonic() + timeout_s
        while not (value := condition()):
            assert time.monotonic() < end, f"waited {timeout_s} s in vain"
            rclpy.spin_once(self.node, timeout_sec=0.02)
        return value

    def spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            rclpy.spin_once(self.node, timeout_sec=0.02)

    def wait_for_node(self) -> None:
        """Until the node listens to images and we hear its results."""
        publishers = (self.image, self.info)
        self.until(lambda: all(p.get_subscription_count() for p in publishers), START_S)
        self.until(lambda: self.node.count_publishers("/scorehoi/interaction"))
        self.spin(0.5)

    def header(self, step_s: float = 0.033) -> Header:
        self.stamp_ns += int(step_s * 1e9)
        header = Header(frame_id="camera")
        header.stamp.sec, header.stamp.nanosec = divmod(self.stamp_ns, 1_000_000_000)
        return header

    def send(self, message: Image | None = None, *, level: int = 70, step_s: float = 0.033) -> Image:
        message = message or small_image(level, self.header(step_s))
        self.image.publish(message)
        return message

    def send_info(
        self, width: int = 64, height: int = 48, focal: float = 60.0, frame: str = "camera"
    ) -> None:
        info = CameraInfo(
            width=width, height=height, distortion_model="plumb_bob", header=Header(frame_id=frame)
        )
        info.k = np.array([focal, 0, width / 2, 0, focal, height / 2, 0, 0, 1.0])
        self.info.publish(info)
        self.spin(0.2)

    def answer(self, message: Image | None = None, **arguments: Any) -> Any:
        """Send one image and wait for the Interaction with its stamp."""
        sent = self.send(message, **arguments)
        return self.until(
            lambda: next((r for r in self.results if r.header.stamp == sent.header.stamp), None)
        )

    def call(self, kind: Any, name: str, **fields: Any) -> Any:
        if name not in self.clients:
            self.clients[name] = self.node.create_client(kind, name)
        client = self.clients[name]
        self.until(client.service_is_ready)
        future = client.call_async(kind.Request(**fields))
        self.until(future.done)
        return future.result()

    def transition(self, name: str) -> bool:
        request = Transition(id=TRANSITIONS[name])
        return bool(self.call(ChangeState, "/scorehoi/change_state", transition=request).success)

    def state(self) -> str:
        return str(self.call(GetState, "/scorehoi/get_state").current_state.label)

    def set_parameter(self, name: str, value: Any) -> str:
        """The reason for a refusal, empty when the value was taken."""
        return self.set_parameters({name: value})

    def set_parameters(self, values: dict[str, Any]) -> str:
        """The reason for a refusal, empty when all values were taken."""
        messages = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        result = self.call(
            SetParametersAtomically, "/scorehoi/set_parameters_atomically", parameters=messages
        ).result
        return "" if result.successful else result.reason or "refused without a reason"

    def diagnosis(self) -> Any:
        """The next diagnostic status: (level, message, values)."""
        self.diagnostics.clear()
        status = self.until(lambda: self.diagnostics)[0].status[0]
        return status.level[0], status.message, {v.key: v.value for v in status.values}


def small_image(level: int, header: Header) -> Image:
    return image_message(np.full((48, 64, 3), level, np.uint8), header)


@contextmanager
def talker() -> Iterator[Talker]:
    rclpy.init(args=[])
    try:
        yield Talker()
    finally:
        rclpy.try_shutdown()
