"""Objects that are touched with a foot: kicked or stepped on."""

import numpy as np

from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.synth.scene.draft import Draft, Goal
from scorehoi_ros.synth.scene.grips import seat_point
from scorehoi_ros.synth.scene.planning import (
    BodyNow,
    hit,
    keep_feet,
    look_at,
    put_foot,
    reach_of,
    some_side,
    spun,
    stand_on_floor,
)


def kick(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """The toes of one foot at the object, the other foot stands."""
    side = some_side(rng)
    draft.R_object = spun(rng, rng.uniform(0, 360), 0, 0)
    low, high = reach_of(draft)
    x = body.at(f"{side}_ankle")[0] * 0.8
    ahead = body.at("pelvis")[2] + rng.uniform(0.42, 0.62)
    stand_on_floor(draft, float(x), float(ahead - low[2]))
    if draft.instance.family == "ball" and rng.random() < 0.5:
        draft.t_object[1] += rng.uniform(0.02, 0.2)
    height = min(float(draft.t_object[1]), 0.16 + max(draft.t_object[1] + low[1], 0.0))
    start = np.array([x, height, ahead - 0.4])
    point, _, _ = hit(draft, start[None], np.array([[0.0, 0, 1.0]]))
    draft.goals.append(Goal(f"{side}_toes", draft.object_points(point[0]), "object", 200.0, 300.0))
    _free_leg(draft, body, side)
    put_foot(draft, body, side, point[0] + np.array([0.0, -0.02, -0.13]), rng.uniform(-0.3, 0.5))
    look_at(draft, body, draft.t_object, 0.7)


def step_on(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """One sole on top of it, the other foot on the floor."""
    side = some_side(rng)
    family = draft.instance.family
    draft.R_object = spun(
        rng, float(rng.choice([0.0, 180.0]) if family == "ladder" else rng.uniform(0, 360)), 5, 0
    )
    low, _ = reach_of(draft)
    x = body.at(f"{side}_ankle")[0]
    stand_on_floor(draft, float(x), float(body.at("pelvis")[2] + 0.26 - low[2]))
    top = draft.world_points(seat_point(draft.instance, draft.template))
    near = np.array([top[0], top[1], max(top[2] - 0.15, draft.t_object[2] + low[2] + 0.06)])
    if family == "ladder":
        near = top
    draft.goals.append(Goal(f"{side}_sole", draft.object_points(near), "object", 250.0, 400.0))
    _free_leg(draft, body, side)
    put_foot(draft, body, side, near + np.array([0.0, 0.004, 0.0]), 0.0)


def _free_leg(draft: Draft, body: BodyNow, side: str) -> None:
    """One leg moves, the other stands."""
    other = "right" if side == "left" else "left"
    draft.pinned_feet = False
    keep_feet(draft, body, (other,), 300.0)
    for joint, stiff in (("hip", 0.03), ("knee", 0.03), ("ankle", 0.06)):
        draft.stiffness[JOINT_INDEX[f"{side}_{joint}"]] = stiff
        draft.stiffness[JOINT_INDEX[f"{other}_{joint}"]] = 1.0
    draft.loosen(pelvis=1.0)
