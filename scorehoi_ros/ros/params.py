"""ROS parameters made from the fields of the configurations."""

import dataclasses
from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidTopicNameException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.validate_topic_name import validate_topic_name

from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.config.outputs import OutputConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.io.calibration.file import camera_numbers
from scorehoi_ros.ros.settings import FIELDS, NodeConfig, build_config

AUTOSTART = "autostart"
TOPICS = tuple(name for name in FIELDS if name.endswith("_topic"))


class Parameters:
    """Declares the parameters, refuses wrong values with the reason, and keeps the configurations.

    Raises InputError when a value given at start (command line, file) is wrong.
    """

    def __init__(self, node: Node, is_configured: Callable[[], bool], on_change: Callable[[], None]) -> None:
        self._node, self._is_configured, self._on_change = node, is_configured, on_change
        self._unlocked = False
        self._values = {name: _declare(node, name, f) for name, f in FIELDS.items()}
        self.autostart = _declare_autostart(node)
        self.pipeline, self.inputs, self.outputs, self.node = self._build({})
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def object_replaced(self, spec: str) -> None:
        """Let the parameters say what a prompt has already brought into effect.

        `object_up` is that of the object before: another one has none.
        """
        config = self.pipeline.looking_for(spec)
        changes = [Parameter("object", value=config.object)]
        if config.object_up != self.pipeline.object_up:
            changes.append(Parameter("object_up", Parameter.Type.DOUBLE_ARRAY, config.object_up))
        self._unlocked = True
        try:
            self._node.set_parameters(changes)
        finally:
            self._unlocked = False

    def _check(self, changes: list[Parameter]) -> SetParametersResult:
        ours = {p.name: p.value for p in changes if p.name in FIELDS}
        locked = [n for n in ours if FIELDS[n].metadata["read_only"] and ours[n] != self._values[n]]
        if locked and self._is_configured() and not self._unlocked:
            reason = f"{', '.join(locked)} takes effect at configure: clean up the node first."
            return SetParametersResult(successful=False, reason=reason)
        try:
            self._build(ours)
        except ScorehoiError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply(self, changes: list[Parameter]) -> None:
        ours = {p.name: p.value for p in changes if p.name in FIELDS}
        if ours:
            self.pipeline, self.inputs, self.outputs, self.node = self._build(ours)
            self._values.update(ours)
            self._on_change()

    def _build(self, changes: dict[str, Any]) -> tuple[PipelineConfig, InputConfig, OutputConfig, NodeConfig]:
        values = self._values | changes
        for name in TOPICS:
            _refuse_topic(name, values[name])
        inputs = build_config(InputConfig, values)
        if inputs.camera:
            camera_numbers(inputs.camera)
        pipeline, outputs = build_config(PipelineConfig, values), build_config(OutputConfig, values)
        return pipeline, inputs, outputs, build_config(NodeConfig, values)


def descriptor(f: "dataclasses.Field[Any]") -> ParameterDescriptor:
    """Descriptor with description, range and choices; the type is checked by us, with clearer words."""
    meta = f.metadata
    result = ParameterDescriptor(description=meta["description"], dynamic_typing=True)
    notes = [f"one of {', '.join(meta['choices'])}"] if meta["choices"] else []
    if meta["read_only"]:
        notes.append("takes effect at configure")
    result.additional_constraints = "; ".join(notes)
    low, high = meta["minimum"], meta["maximum"]
    if low is not None and high is not None:
        if f.type is int:
            result.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=0)]
        else:
            result.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
    return result


def _declare(node: Node, name: str, f: "dataclasses.Field[Any]") -> Any:
    factory = f.default_factory
    default = f.default if factory is dataclasses.MISSING else factory()
    try:
        return node.declare_parameter(name, default, descriptor(f)).value
    except Exception as error:
        raise InputError(f"parameter {name}: {error}") from error


def _refuse_topic(parameter: str, topic: Any) -> None:
    if not isinstance(topic, str) or not topic:
        return
    try:
        validate_topic_name(topic)
    except InvalidTopicNameException as error:
        reason = str(error).splitlines()[0].removesuffix(":")
        raise InputError(f"{parameter} is {topic!r}. {reason}.") from error


def _declare_autostart(node: Node) -> bool:
    text = "configure and activate at start; false = wait for a lifecycle manager"
    descriptor = ParameterDescriptor(description=text, read_only=True)
    try:
        return bool(node.declare_parameter(AUTOSTART, True, descriptor).value)
    except InvalidParameterTypeException as error:
        raise InputError(f"{AUTOSTART} must be true or false. {error}.") from error
