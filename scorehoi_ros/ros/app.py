"""Running the node as a process: start, signals, logging, end."""

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

import rclpy
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions

from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.frame.session import Build
from scorehoi_ros.ros.node import ReconstructNode

log = logging.getLogger(__name__)
SWITCH_S = 0.0005
"""Longest time for which a thread keeps the interpreter from another one."""
SPIN_S = 0.2
"""Longest wait of the executor before it looks at the stop flag."""


def run_node(build: Build, ros_args: Sequence[str] = ()) -> int:
    """Run until SIGINT, SIGTERM or the lifecycle's shutdown; 0, or 2 when it cannot start.

    `ros_args` are ROS arguments as on the command line ("--ros-args", "-p", "object:=ball:0.22").
    Raises InputError for a wrong parameter.
    """
    # Watcher and solver call short compiled functions; with Python's 5 ms each return from one waits.
    sys.setswitchinterval(SWITCH_S)
    # Our own handlers: rclpy's would tear the context down under the frame in progress.
    try:
        rclpy.init(args=["scorehoi", *ros_args], signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        reason = str(error).removeprefix("failed to initialize rcl: ").split(", at /")[0].strip()
        raise InputError(f"the ROS arguments are wrong: {reason}. See docs/ros_api.md.") from error
    try:
        node = _make_node(build)
        handler = RosLogHandler(node.get_logger())
        package_log = logging.getLogger("scorehoi_ros")
        package_log.addHandler(handler)
        package_log.setLevel(logging.INFO)
        package_log.propagate = False
        try:
            return _run(node)
        finally:
            package_log.removeHandler(handler)
            package_log.propagate = True
            node.destroy_node()
    finally:
        rclpy.try_shutdown()


def _make_node(build: Build) -> ReconstructNode:
    try:
        return ReconstructNode(build)
    except InvalidParameterTypeException as error:
        # Those that rclpy declares itself, before ours (use_sim_time, ...), are flags.
        name = str(error).rpartition(": ")[2]
        raise InputError(f"{name} must be true or false. {error}.") from error


def _run(node: ReconstructNode) -> int:
    stop = threading.Event()

    def handle(signum: int, frame: FrameType | None) -> None:
        stop.set()

    previous = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        if node.parameters.autostart and not _start(node):
            return ScorehoiError.exit_code
        while not stop.is_set() and not node.finalized and rclpy.ok():
            executor.spin_once(timeout_sec=SPIN_S)
        return 0
    finally:
        if not node.finalized:
            node.trigger_shutdown()
        executor.shutdown()
        for s, old in previous.items():
            signal.signal(s, old)


def _start(node: ReconstructNode) -> bool:
    return all(
        trigger() == TransitionCallbackReturn.SUCCESS
        for trigger in (node.trigger_configure, node.trigger_activate)
    )


class RosLogHandler(logging.Handler):
    """Sends the package's Python log records to the node's logger, and with it to /rosout."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__(logging.DEBUG)
        self._logger = logger
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """One record at the matching severity."""
        # rcutils refuses a call site that changes its severity, so each severity has its own line.
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        elif record.levelno >= logging.INFO:
            self._logger.info(text)
        else:
            self._logger.debug(text)
