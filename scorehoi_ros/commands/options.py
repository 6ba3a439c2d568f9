"""Command-line options made from the fields of `PipelineConfig`, so that they are described once."""

import argparse
import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from scorehoi_ros.config.pipeline import PipelineConfig

DEFAULTS = PipelineConfig()


def add_config_options(parser: argparse.ArgumentParser, skip: Collection[str] = ()) -> None:
    """Add `--prompt-box`, `--height-m` and so on for every field that is not in `skip`."""
    group = parser.add_argument_group(
        "pipeline", 'a list that starts with a minus sign is written "--option=-1,2,3"'
    )
    for field in dataclasses.fields(PipelineConfig):
        if field.name in skip:
            continue
        default = getattr(DEFAULTS, field.name)
        group.add_argument(
            "--" + field.name.replace("_", "-"),
            type=_parser_of(default),
            default=default,
            choices=field.metadata["choices"] or None,
            metavar=None if field.metadata["choices"] else _metavar(default),
            help=_help(field, default),
        )


def config_from_args(args: argparse.Namespace, **values: Any) -> PipelineConfig:
    """Configuration from parsed options; `values` win.  Raises InputError when a value is out of range."""
    names = {field.name for field in dataclasses.fields(PipelineConfig)}
    return PipelineConfig(**{name: value for name, value in vars(args).items() if name in names} | values)


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


def _help(field: "dataclasses.Field[Any]", default: Any) -> str:
    low, high = field.metadata["minimum"], field.metadata["maximum"]
    limits = f", {low:g} to {high:g}" if low is not None and high is not None else ""
    shown = f" (default {default}{limits})" if default not in ("", []) else ""
    return (field.metadata["description"] + shown).replace("%", "%%")
