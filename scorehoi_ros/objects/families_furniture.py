"""Furniture families: tables, stools, chairs, benches, ladders."""

import numpy as np

from scorehoi_ros.geometry.mesh import Mesh, concatenate, transformed
from scorehoi_ros.objects import symmetry
from scorehoi_ros.objects.families_basic import (
    UP,
    box_symmetry,
    no_symmetry,
    sides,
    size_of,
    upright_symmetry,
)
from scorehoi_ros.objects.family import Family, Parameter, Params
from scorehoi_ros.objects.solids import box, cylinder, ellipsoid, rod, rounded_box
from scorehoi_ros.objects.symmetry import Symmetry

TAU = 2 * np.pi


def _centred(parts: list[Mesh], height: float) -> Mesh:
    """Parts that stand on y = 0, moved so that y = 0 is the middle of the height."""
    return transformed(concatenate(parts), t=np.array([0, -height / 2, 0]))


def _legs(width: float, depth: float, height: float, thick: float) -> list[Mesh]:
    """Four square legs from the floor to `height`, at the corners of a rectangle."""
    x, z = (width - thick) / 2, (depth - thick) / 2
    return [box((thick, height, thick), (sx * x, height / 2, sz * z)) for sx in (-1, 1) for sz in (-1, 1)]


def _table(p: Params) -> Mesh:
    w, h, d = size_of(p)
    top, leg = 0.04 * max(h, 0.4), p["leg"]
    inset = 0.9
    apron = [
        box((w * inset - leg, 2 * top, leg / 2), (0, h - 2 * top, s * (d * inset - leg) / 2)) for s in (-1, 1)
    ]
    apron += [
        box((leg / 2, 2 * top, d * inset - leg), (s * (w * inset - leg) / 2, h - 2 * top, 0)) for s in (-1, 1)
    ]
    board = box((w, top, d), (0, h - top / 2, 0))
    return _centred([board, *apron, *_legs(w * inset, d * inset, h - top / 2, leg)], h)


def _round_table(p: Params) -> Mesh:
    r, h = p["diameter"] / 2, p["height"]
    top = transformed(cylinder(r, 0.03), t=np.array([0, h - 0.015, 0]))
    column = transformed(cylinder(0.035, h - 0.02), t=np.array([0, (h - 0.02) / 2, 0]))
    foot = transformed(cylinder(0.6 * r, 0.03, top_radius=0.5 * r), t=np.array([0, 0.015, 0]))
    return _centred([top, column, foot], h)


def _stool(p: Params) -> Mesh:
    r, h, n = p["diameter"] / 2, p["height"], int(p["legs"])
    seat = transformed(cylinder(r, 0.035), t=np.array([0, h - 0.0175, 0]))
    angle = (np.arange(n) + 0.5) * TAU / n
    feet = np.stack([np.sin(angle), np.zeros(n), np.cos(angle)], axis=1)
    up = np.array([0, 1.0, 0])
    legs = [rod(r * 0.98 * f, 0.7 * r * f + up * (h - 0.02), 0.016) for f in feet]
    low = [f * r * 0.89 + up * 0.3 * h for f in feet]
    rungs = [rod(a, b, 0.009) for a, b in zip(low, low[1:] + low[:1], strict=True)]
    return _centred([seat, *legs, *rungs], h)


def _seat_and_back(p: Params) -> list[Mesh]:
    """Seat, two back posts and back rest, with the back towards -z."""
    w, h, d, seat, leg = *size_of(p), p["seat"], p["leg"]
    seat = min(seat, 0.9 * h)
    z = -(d - leg) / 2
    parts = [rounded_box((w, 0.04, d), 0.015, 8)]
    parts[0] = transformed(parts[0], t=np.array([0, seat - 0.02, 0]))
    lean = 0.12 * (h - seat)
    for s in (-1, 1):
        x = s * (w - leg) / 2
        parts.append(rod((x, seat - 0.02, z), (x, h - leg / 2, z - lean), leg / 2, 12))
    middle = seat + 0.62 * (h - seat)
    tilt = np.arctan2(lean, h - seat)
    c, s_ = np.cos(tilt), np.sin(tilt)
    rest = rounded_box((w - leg, 0.62 * (h - seat), 0.02), 0.008, 8)
    turn = np.array([[1, 0, 0], [0, c, s_], [0, -s_, c]])
    parts.append(transformed(rest, turn, np.array([0, middle, z - lean * 0.62])))
    return parts


def _chair(p: Params) -> Mesh:
    legs = _legs(p["width"], p["depth"], min(p["seat"], 0.9 * p["height"]) - 0.02, p["leg"])
    return _centred([*_seat_and_back(p), *legs], p["height"])


def _armchair(p: Params) -> Mesh:
    w, h, d, seat = *size_of(p), min(p["seat"], 0.9 * p["height"])
    parts = [*_seat_and_back(p), *_legs(w, d, seat - 0.02, p["leg"])]
    rest = min(seat + 0.22, h - 0.05)
    for s in (-1, 1):
        parts.append(rounded_box((0.05, 0.03, 0.9 * d), 0.01, 8))
        parts[-1] = transformed(parts[-1], t=np.array([s * w / 2, rest, 0]))
        parts.append(rod((s * w / 2, seat - 0.02, 0.35 * d), (s * w / 2, rest, 0.35 * d), p["leg"] / 2, 12))
    return _centred(parts, h)


def _office_chair(p: Params) -> Mesh:
    w, h, d, seat = *size_of(p), min(p["seat"], 0.75 * p["height"])
    up = np.array([0, 1.0, 0])
    cushion = transformed(rounded_box((w, 0.08, d), 0.035, 8), t=up * (seat - 0.04))
    back = transformed(
        rounded_box((0.85 * w, 0.75 * (h - seat), 0.06), 0.028, 8),
        t=np.array([0, h - 0.375 * (h - seat), -0.5 * d]),
    )
    bar = rod((0, seat - 0.05, -0.3 * d), (0, seat + 0.4 * (h - seat), -0.5 * d), 0.025)
    column = transformed(cylinder(0.03, seat - 0.12), t=up * (seat / 2 + 0.02))
    angle = np.arange(5) * TAU / 5
    feet = 0.3 * np.stack([np.sin(angle), np.zeros(5), np.cos(angle)], axis=1)
    star = [rod(up * 0.11, f + up * 0.075, 0.02) for f in feet]
    wheels = [transformed(ellipsoid((0.028, 0.03, 0.028), 12), t=f + up * 0.03) for f in feet]
    return _centred([cushion, back, bar, column, *star, *wheels], h)


def _bench(p: Params) -> Mesh:
    w, h, d = size_of(p)
    seat = box((w, 0.04, d), (0, h - 0.02, 0))
    ends = [box((0.05, h - 0.02, 0.85 * d), (s * 0.42 * w, (h - 0.02) / 2, 0)) for s in (-1, 1)]
    return _centred([seat, *ends, box((0.84 * w, 0.08, 0.03), (0, 0.5 * h, 0))], h)


def _ladder(p: Params) -> Mesh:
    w, h, d, rungs = *size_of(p), int(p["rungs"])
    rails = [box((0.03, h, d), (s * (w - 0.03) / 2, 0, 0)) for s in (-1, 1)]
    heights = (np.arange(rungs) + 0.5) / rungs * h - h / 2
    return concatenate(
        [*rails, *(rod((-w / 2 + 0.015, y, 0), (w / 2 - 0.015, y, 0), 0.4 * d) for y in heights)]
    )


def _stool_symmetry(p: Params) -> Symmetry:
    return Symmetry(symmetry.cyclic(int(p["legs"]), UP))


_LEG = Parameter("leg", 0.035, 0.02, 0.06, "thickness of a leg")
_CHAIR = (*sides(0.44, 0.86, 0.44, 0.15), Parameter("seat", 0.45, 0.4, 0.5, "height of the seat"), _LEG)

FAMILIES = (
    Family(
        "table",
        "rectangular table",
        (*sides(1.0, 0.72, 0.7, 0.4), _LEG),
        _table,
        upright_symmetry,
        upright=True,
    ),
    Family(
        "round_table",
        "round table on one column",
        (
            Parameter("diameter", 0.7, 0.45, 1.1, "diameter of the top"),
            Parameter("height", 0.72, 0.45, 0.8, "height"),
        ),
        _round_table,
        lambda _: symmetry.revolution(UP, both_ends=False),
        upright=True,
    ),
    Family(
        "stool",
        "round stool",
        (
            Parameter("diameter", 0.34, 0.28, 0.42, "diameter of the seat"),
            Parameter("height", 0.46, 0.4, 0.75, "height of the seat"),
            Parameter("legs", 4, 3, 5, "number of legs", "count"),
        ),
        _stool,
        _stool_symmetry,
        upright=True,
    ),
    Family(
        "chair", "chair without arm rests, the back towards -z", _CHAIR, _chair, no_symmetry, upright=True
    ),
    Family(
        "armchair", "chair with arm rests, the back towards -z", _CHAIR, _armchair, no_symmetry, upright=True
    ),
    Family(
        "office_chair",
        "swivel chair on a star of five feet, the back towards -z",
        (*sides(0.48, 0.95, 0.48, 0.12), Parameter("seat", 0.47, 0.42, 0.55, "height of the seat")),
        _office_chair,
        no_symmetry,
        upright=True,
    ),
    Family("bench", "bench without a back", sides(1.1, 0.44, 0.32), _bench, upright_symmetry, upright=True),
    Family(
        "ladder",
        "single ladder, upright",
        (*sides(0.4, 1.8, 0.05, 0.25), Parameter("rungs", 6, 4, 9, "number of rungs", "count")),
        _ladder,
        box_symmetry,
    ),
)
