"""One declaration for each setting: default, meaning, range; command line, ROS and documentation read it."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scorehoi_ros.errors import InputError

Group = TypeVar("Group")


def option(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = False,
) -> Any:
    """A dataclass field with what a help text and a ROS parameter descriptor need.

    `read_only` = takes effect when the pipeline is built (node: at configure), not while it runs.
    """
    metadata = {
        "description": description,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "read_only": read_only,
    }
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def group(kind: type[Group]) -> Group:
    """A field that holds a group of options of its own; they are named `group.option`."""
    result: Group = field(default_factory=kind)
    return result


@dataclass(frozen=True)
class Setting:
    """One option as command line, ROS and documentation see it."""

    name: str
    """Dotted where it belongs to a group: "fit.first_iterations"."""
    field: "dataclasses.Field[Any]"

    @property
    def default(self) -> Any:
        """A fresh default value."""
        factory = self.field.default_factory
        return self.field.default if factory is dataclasses.MISSING else factory()


def settings_of(cls: type[Any], prefix: str = "") -> Iterator[Setting]:
    """Every option of a configuration class and of its groups, in order of declaration."""
    for f in dataclasses.fields(cls):
        if dataclasses.is_dataclass(f.type) and isinstance(f.type, type):
            yield from settings_of(f.type, f"{prefix}{f.name}.")
        else:
            yield Setting(prefix + f.name, f)


def option_name(name: str) -> str:
    """Option of a setting: "sam.checkpoint" -> "--sam-checkpoint"."""
    return "--" + name.replace("_", "-").replace(".", "-")


def attribute_name(name: str) -> str:
    """Where argparse keeps the value of a setting: "sam.checkpoint" -> "sam_checkpoint"."""
    return name.replace(".", "_")


def build_group(cls: type[Group], values: Mapping[str, Any], prefix: str = "") -> Group:
    """A configuration from values by dotted name; names that are missing keep their default.

    Raises InputError when a value breaks its range or choices.
    """
    given: dict[str, Any] = {}
    for f in dataclasses.fields(cls):  # type: ignore[arg-type]
        if dataclasses.is_dataclass(f.type) and isinstance(f.type, type):
            given[f.name] = build_group(f.type, values, f"{prefix}{f.name}.")
        elif prefix + f.name in values:
            given[f.name] = values[prefix + f.name]
    return cls(**given)


def check_options(config: Any) -> None:
    """Raise InputError when an option of a group breaks its range or choices; for `__post_init__`."""
    for f in dataclasses.fields(config):
        if f.metadata:
            check_option(f, getattr(config, f.name))


def check_option(f: "dataclasses.Field[Any]", value: Any) -> None:
    """Raise InputError when a value breaks the range or choices of its field."""
    choices = f.metadata.get("choices") or ()
    if choices and value not in choices:
        raise InputError(f"{f.name} must be one of {', '.join(choices)}. Got {value!r}.")
    low, high = f.metadata.get("minimum"), f.metadata.get("maximum")
    if low is None and high is None:
        return
    if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
        raise InputError(f"{f.name} must be between {low} and {high}. Got {value}.")
