"""Command-line options made from the fields of configuration classes, so that they are described once."""

import argparse
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from scorehoi_ros.config.option import Setting, attribute_name, build_group, option_name, settings_of
from scorehoi_ros.config.pipeline import PipelineConfig

Group = TypeVar("Group")


def add_config_options(
    parser: argparse.ArgumentParser, skip: Collection[str] = (), defaults: Mapping[str, Any] | None = None
) -> None:
    """Add `--prompt-box`, `--fit-first-iterations` and so on for every pipeline setting not in `skip`.

    `defaults`: settings whose default is another one in this command.
    """
    text = 'a list that starts with a minus sign is written "--option=-1,2,3"'
    add_options(parser.add_argument_group("pipeline", text), PipelineConfig, skip, defaults)


def add_options(
    group: "argparse._ArgumentGroup",
    config: type[Any],
    skip: Collection[str] = (),
    defaults: Mapping[str, Any] | None = None,
) -> None:
    """Add an option for every setting of a configuration class that is not in `skip`; `defaults` win."""
    for setting in settings_of(config):
        if setting.name in skip:
            continue
        default = (defaults or {}).get(setting.name, setting.default)
        choices = setting.field.metadata["choices"]
        group.add_argument(
            option_name(setting.name),
            type=_parser_of(default),
            default=default,
            choices=choices or None,
            metavar=None if choices else _metavar(default),
            help=_help(setting, default),
        )


def config_from_args(args: argparse.Namespace, **values: Any) -> PipelineConfig:
    """The pipeline's configuration from parsed options; `values` win.  Raises InputError as `from_args`."""
    return from_args(args, PipelineConfig, **values)


def from_args(args: argparse.Namespace, config: type[Group], **values: Any) -> Group:
    """Configuration from parsed options; `values` win.  Raises InputError when a value is out of range."""
    given = vars(args)
    named = {
        setting.name: given[key]
        for setting in settings_of(config)
        if (key := attribute_name(setting.name)) in given
    }
    return build_group(config, named | values)


def parse_numbers(text: str) -> list[float]:
    """Numbers separated by commas; an empty text gives an empty list."""
    try:
        return [float(part) for part in text.split(",")] if text.strip() else []
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers separated by commas, got {text!r}") from None


def _parser_of(default: Any) -> Callable[[str], Any]:
    return parse_numbers if isinstance(default, list) else type(default)


def _metavar(default: Any) -> str:
    names = {list: "X,Y,...", int: "N", float: "X", str: "TEXT"}
    return names[type(default)]


def _help(setting: Setting, default: Any) -> str:
    metadata = setting.field.metadata
    low, high = metadata["minimum"], metadata["maximum"]
    limits = f", {low:g} to {high:g}" if low is not None and high is not None else ""
    shown = f" (default {default}{limits})" if default not in ("", []) else ""
    return (metadata["description"] + shown).replace("%", "%%")


def positive(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return value
