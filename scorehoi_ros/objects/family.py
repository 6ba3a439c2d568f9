"""What a parametric family is, and how a text like "box:0.4x0.3x0.25" names one member of it."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.objects.symmetry import Symmetry

Params = Mapping[str, float]


@dataclass(frozen=True)
class Parameter:
    """One dimension of a family."""

    name: str
    default: float
    low: float
    """Smallest sampled value."""
    high: float
    """Largest sampled value; a value outside low..high is allowed while it is within a factor of 5."""
    description: str
    unit: str = "m"
    """"m", or "count" for whole numbers."""


@dataclass(frozen=True)
class Family:
    """A kind of object whose shape follows from a few dimensions."""

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    build: Callable[[Params], Mesh]
    """Closed mesh in metres, y up, front towards z, roughly centred."""
    symmetry: Callable[[Params], Symmetry]
    upright: bool = False
    """Furniture that stands on the floor with y up and is seldom seen otherwise."""


def usage(family: Family) -> str:
    """The parameters of a family, one a line, with unit, default and range."""
    lines = [
        f"  {p.name:<12} {p.description} [{p.unit}], default {p.default:g}, usually {p.low:g} to {p.high:g}"
        for p in family.parameters
    ]
    order = "x".join(p.name.upper() for p in family.parameters)
    named = f"{family.name}:{family.parameters[0].name}=NUMBER,..."
    head = f"{family.name}: {family.description}; write {family.name}:{order} or {named}"
    return "\n".join([head, *lines])


def default_parameters(family: Family) -> dict[str, float]:
    """The default of every parameter."""
    return {p.name: p.default for p in family.parameters}


def sample_parameters(family: Family, rng: np.random.Generator) -> dict[str, float]:
    """Dimensions drawn uniformly from the range of each parameter."""
    return {
        p.name: float(rng.integers(int(p.low), int(p.high) + 1))
        if p.unit == "count"
        else rng.uniform(p.low, p.high)
        for p in family.parameters
    }


def parse_parameters(family: Family, text: str) -> dict[str, float]:
    """Parameters from "0.4x0.3" (in order, the rest default) or "width=0.4,depth=0.3"; "" = all defaults.

    Raises TemplateError that lists the family's parameters.
    """
    values = default_parameters(family)
    if text.strip():
        given = _named(family, text) if "=" in text else _positional(family, text)
        values.update({name: _number(family, name, given) for name in given})
    return values


def canonical(family: Family, values: Params) -> str:
    """The full text that names this member, the same for every way to write it."""
    return f"{family.name}:" + ",".join(f"{p.name}={values[p.name]:.6g}" for p in family.parameters)


def _named(family: Family, text: str) -> dict[str, str]:
    known = [p.name for p in family.parameters]
    given: dict[str, str] = {}
    for part in text.split(","):
        name, equals, raw = (piece.strip() for piece in part.partition("="))
        if not equals or name not in known:
            raise TemplateError(f"{family.name} has no parameter {name!r}. Its parameters:\n{usage(family)}")
        given[name] = raw
    return given


def _positional(family: Family, text: str) -> dict[str, str]:
    raw = text.lower().replace("×", "x").split("x")
    if len(raw) > len(family.parameters):
        raise TemplateError(
            f"{family.name} takes at most {len(family.parameters)} numbers. Got {len(raw)} in {text!r}. "
            f"Its parameters:\n{usage(family)}"
        )
    return {p.name: r for p, r in zip(family.parameters, raw, strict=False)}


_UNITS = (("centimetres", 0.01), ("millimetres", 0.001), ("inches", 0.0254))


_SCALES = {"": 1.0, "m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, '"': 0.0254}
_WITH_UNIT = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(m|cm|mm|in|\"|)\s*")


def _in_other_units(family: Family, given: Mapping[str, str]) -> str:
    """How the same text reads in metres if it was meant in another unit; empty when no unit makes sense."""
    known = {p.name: p for p in family.parameters}
    guesses = []
    for unit, scale in _UNITS:
        scaled, usual = {}, 0
        for name, raw in given.items():
            try:
                value = float(raw) * (1 if known[name].unit == "count" else scale)
            except ValueError:
                return ""
            low, high = _limits(known[name])
            if not low <= value <= high:
                break
            usual += known[name].low <= value <= known[name].high
            scaled[name] = f"{value:.4g}"
        else:
            positional = list(given) == [p.name for p in family.parameters[: len(given)]]
            text = (
                "x".join(scaled.values()) if positional else ",".join(f"{n}={v}" for n, v in scaled.items())
            )
            guesses.append((usual, f"in {unit} that is {family.name}:{text}"))
    guesses.sort(key=lambda guess: -guess[0])
    return f" Numbers are metres: {', '.join(text for _, text in guesses)}." if guesses else ""


def _without_units(family: Family, given: Mapping[str, str]) -> str:
    """How numbers with units ("40cm") are written in metres; empty when there is none."""
    matches = {name: _WITH_UNIT.fullmatch(raw) for name, raw in given.items()}
    if not all(matches.values()):
        return ""
    scaled = (f"{name}={float(m[1]) * _SCALES[m[2]]:.4g}" for name, m in matches.items() if m is not None)
    return f" Numbers are metres, without a unit: {family.name}:{','.join(scaled)}."


def _limits(parameter: Parameter) -> tuple[float, float]:
    """Smallest and largest value that is allowed."""
    if parameter.unit == "count":
        return parameter.low, parameter.high
    return parameter.low / 5, parameter.high * 5


def _number(family: Family, name: str, given: Mapping[str, str]) -> float:
    parameter, raw = next(p for p in family.parameters if p.name == name), given[name]
    try:
        value = float(raw)
    except ValueError:
        value = math.nan
    low, high = _limits(parameter)
    if not (math.isfinite(value) and low <= value <= high) or (parameter.unit == "count" and value % 1):
        too_large = math.isfinite(value) and parameter.unit == "m" and value > high
        hint = _in_other_units(family, given) if too_large else ""
        hint = _without_units(family, given) if math.isnan(value) else hint
        kind = "a whole number" if parameter.unit == "count" else "a number of metres"
        raise TemplateError(
            f"{name} of {family.name} must be {kind} from {low:g} to {high:g}. Got {raw.strip()!r}.{hint} "
            f"The parameters:\n{usage(family)}"
        )
    return value
