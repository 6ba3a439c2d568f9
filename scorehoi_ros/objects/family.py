"""What a parametric family is, and how a text like "box:0.4x0.3x0.25" names one member of it."""

import math
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
        values.update({name: _number(family, name, raw) for name, raw in given.items()})
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


def _number(family: Family, name: str, raw: str) -> float:
    parameter = next(p for p in family.parameters if p.name == name)
    try:
        value = float(raw)
    except ValueError:
        value = math.nan
    low, high = parameter.low / 5, parameter.high * 5
    if parameter.unit == "count":
        low, high = parameter.low, parameter.high
    if not (math.isfinite(value) and low <= value <= high) or (parameter.unit == "count" and value % 1):
        hint = ""
        if math.isfinite(value) and parameter.unit == "m" and value > high:
            hint = f" Numbers are metres: if {raw.strip()} was meant in millimetres, write {value / 1000:g}."
        kind = "a whole number" if parameter.unit == "count" else "a number of metres"
        raise TemplateError(
            f"{name} of {family.name} must be {kind} from {low:g} to {high:g}. Got {raw.strip()!r}.{hint} "
            f"The parameters:\n{usage(family)}"
        )
    return value
