"""Stand-ins for `launch` and `launch_ros`, which are not on PyPI: as much of them as our launch files use.

Signatures and order of execution are those of Jazzy: an action may return actions, which run before what
follows; a declared argument takes its default only when nobody has set it; values are text.
"""

import runpy
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@dataclass
class LaunchContext:
    launch_configurations: dict[str, str] = field(default_factory=dict)
    started: list[Any] = field(default_factory=list)


@dataclass
class LaunchDescription:
    entities: list[Any]


@dataclass
class LaunchConfiguration:
    variable_name: str
    default: str | None = None

    def perform(self, context: LaunchContext) -> str:
        value = context.launch_configurations.get(self.variable_name, self.default)
        assert value is not None, f"launch configuration '{self.variable_name}' does not exist"
        return value


@dataclass
class DeclareLaunchArgument:
    name: str
    default_value: str
    description: str
    choices: list[str] | None = None

    def execute(self, context: LaunchContext) -> list[Any]:
        value = context.launch_configurations.setdefault(self.name, self.default_value)
        if self.choices is not None and value not in self.choices:
            raise RuntimeError(f'Argument "{self.name}" provided value "{value}" is not valid')
        return []


@dataclass
class SetLaunchConfiguration:
    name: str
    value: str

    def execute(self, context: LaunchContext) -> list[Any]:
        context.launch_configurations[self.name] = self.value
        return []


@dataclass(kw_only=True)
class OpaqueFunction:
    function: Any

    def execute(self, context: LaunchContext) -> list[Any]:
        result = self.function(context)
        return list(result)


@dataclass
class PythonLaunchDescriptionSource:
    path: str


@dataclass
class IncludeLaunchDescription:
    source: PythonLaunchDescriptionSource

    def execute(self, context: LaunchContext) -> list[Any]:
        return described(Path(self.source.path))


class Process:
    """A started program: its keyword arguments, with substitutions performed where they are whole values."""

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords

    def execute(self, context: LaunchContext) -> list[Any]:
        context.started.append({k: performed(v, context) for k, v in self.keywords.items()})
        return []


@dataclass
class ParameterValue:
    value: str
    value_type: type

    def perform(self, context: LaunchContext) -> Any:
        return self.value_type(self.value)


def performed(value: Any, context: LaunchContext) -> Any:
    if isinstance(value, list):
        return [performed(v, context) for v in value]
    if isinstance(value, dict):
        return {k: performed(v, context) for k, v in value.items()}
    return value.perform(context) if hasattr(value, "perform") else value


def install(monkeypatch: pytest.MonkeyPatch, share: Path) -> None:
    """Put the stand-ins in the place of the modules; every package's share folder is `share`."""
    actions = (DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, SetLaunchConfiguration)
    modules: dict[str, dict[str, Any]] = {
        "launch": {"LaunchContext": LaunchContext, "LaunchDescription": LaunchDescription},
        "launch.actions": {c.__name__: c for c in actions} | {"ExecuteProcess": Process},
        "launch.launch_description_sources": {"PythonLaunchDescriptionSource": PythonLaunchDescriptionSource},
        "launch.substitutions": {"LaunchConfiguration": LaunchConfiguration},
        "launch_ros": {},
        "launch_ros.actions": {"Node": Process},
        "launch_ros.parameter_descriptions": {"ParameterValue": ParameterValue},
        "ament_index_python": {},
        "ament_index_python.packages": {"get_package_share_directory": lambda package: str(share)},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)


def described(path: Path) -> list[Any]:
    description = runpy.run_path(str(path))["generate_launch_description"]()
    assert isinstance(description, LaunchDescription)
    return description.entities


def launched(path: Path, **arguments: str) -> list[dict[str, Any]]:
    """Keyword arguments of every program that a launch file starts, in order."""
    context = LaunchContext(dict(arguments))
    waiting = described(path)
    while waiting:
        waiting = [*waiting[0].execute(context), *waiting[1:]]
    return context.started
