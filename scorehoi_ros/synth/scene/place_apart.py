"""Objects that are not touched: reached for, or left alone."""

import numpy as np

from scorehoi_ros.synth.scene.draft import Draft
from scorehoi_ros.synth.scene.grips import grip_centre
from scorehoi_ros.synth.scene.kinematics import unit
from scorehoi_ros.synth.scene.planning import (
    UP,
    BodyNow,
    fan,
    hit,
    look_at,
    palm,
    reach_of,
    side_sign,
    some_side,
    spun,
    stand_on_floor,
)


def _left_somewhere(
    draft: Draft, body: BodyNow, rng: np.random.Generator, distance: tuple[float, float]
) -> None:
    """On the floor, or for small things on something unseen at the height of a table."""
    draft.R_object = spun(rng, rng.uniform(0, 360), 0, 0)
    low, high = reach_of(draft)
    away, angle = rng.uniform(*distance), rng.normal(scale=0.5)
    radius = float(np.hypot(*np.maximum(high, -low)[[0, 2]]))
    place = np.array([np.sin(angle), 0.0, np.cos(angle)]) * (0.22 + away + min(radius, 0.5))
    stand_on_floor(draft, *(float(v) for v in (body.at("pelvis") + place)[[0, 2]]))
    if max(high - low) < 0.45 and rng.random() < 0.7:
        draft.t_object[1] += rng.uniform(0.5, 1.1)


def reach(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """A hand on its way to the object, some 6 to 20 cm off."""
    side = some_side(rng)
    _left_somewhere(draft, body, rng, (0.05, 0.25))
    draft.object_stiffness = np.array([20.0, 1e4, 20.0])
    shoulder = body.at(f"{side}_shoulder")
    target = draft.world_points(grip_centre(draft.instance, draft.template))
    way = unit(target - shoulder)
    point, _, _ = hit(draft, shoulder[None], way[None])
    stop = point[0] - way * rng.uniform(0.09, 0.22)
    most = body.arm * 1.0
    if np.linalg.norm(stop - shoulder) > most:
        stop = shoulder + way * most
    across = unit(np.cross(UP, way))
    facing = unit(0.6 * way - 0.5 * UP - 0.3 * side_sign(side) * across)
    palm(draft, side, stop, facing, fan(UP, facing, (-60, -30, 0, 30, 60)), touch=0.0, fingers=False)
    draft.loosen(spine1=0.5, spine2=0.5, spine3=0.5)
    look_at(draft, body, draft.t_object, 0.8)


def leave(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """Nobody touches it."""
    _left_somewhere(draft, body, rng, (0.25, 0.9))
