"""Objects on the floor: sat on, leant on, pushed, pulled, lifted, wiped."""

import numpy as np

from scorehoi_ros.body.skeleton import SIDES
from scorehoi_ros.synth.scene.draft import Draft, Goal
from scorehoi_ros.synth.scene.grips import Bar, bars, grip_centre, seat_point
from scorehoi_ros.synth.scene.kinematics import about, unit
from scorehoi_ros.synth.scene.place_held import grasp_bar, heading_between_hands
from scorehoi_ros.synth.scene.planning import (
    UP,
    BodyNow,
    fan,
    from_below,
    hit,
    keep_feet,
    look_at,
    palm,
    reach_of,
    side_sign,
    size_of,
    some_side,
    spun,
    stand_on_floor,
    two_sides,
)
from scorehoi_ros.types import Floats

CHAIRS = ("chair", "armchair", "office_chair")
_TOWARDS_PERSON = {"keyboard": 180.0, "laptop": 180.0, "monitor": 180.0}
_SINK_M = 0.012
"""How far the seat of the body sinks in."""


def sit(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """Seat on top of it, feet on the floor where they reach it."""
    family = draft.instance.family
    free = family in ("stool", "ball", "round_table")
    draft.R_object = spun(rng, rng.uniform(0, 360) if free else _seat_heading(draft, rng), 6, 0)
    stand_on_floor(draft, 0.0, 0.0)
    top = draft.world_points(seat_point(draft.instance, draft.template))
    seat = body.groups["seat"]
    depth = reach_of(draft)[1][2] - reach_of(draft)[0][2]
    forward = (
        rng.uniform(-0.02, 0.06)
        if family in CHAIRS
        else min(rng.uniform(0.0, 0.3), 0.5) * max(depth - 0.36, 0)
    )
    lowest = float(seat[:, 1].min())
    rise = float(top[1]) - _SINK_M - (0.012 if family == "ball" else 0.0) - lowest
    draft.root = draft.root + np.array([0.0, rise, 0.0])
    draft.t_object += np.array([seat[:, 0].mean() - top[0], 0.0, seat[:, 2].mean() - top[2] + forward])
    draft.root_stiffness = np.array([300.0, 60.0, 300.0])
    draft.pinned_feet = False
    draft.goals.append(Goal("seat", touch=250.0))
    draft.loosen(hip=0.3, knee=0.2, ankle=0.3, pelvis=1.0)
    for side in SIDES:
        sole = body.groups[f"{side}_sole"].mean(0) + np.array([0.0, rise, 0.0])
        if sole[1] < 0.25:
            draft.goals.append(Goal(f"{side}_sole", np.array([sole[0], 0.003, sole[2]]), "world", 120.0))
    if rng.random() < 0.35:
        _hold_seat(draft, body, rng, rise)


def _seat_heading(draft: Draft, rng: np.random.Generator) -> float:
    if draft.instance.family in CHAIRS:
        return 0.0
    width, _, depth = size_of(draft)
    return float(rng.choice([0.0, 180.0] if width >= depth else [90.0, 270.0]))


def _hold_seat(draft: Draft, body: BodyNow, rng: np.random.Generator, rise: float) -> None:
    """Hands on the arm rests, or on the seat beside the hips."""
    for side in SIDES:
        hip = body.at(f"{side}_hip") + np.array([0.0, rise, 0.0])
        sign = side_sign(side)
        out = rng.uniform(0.13, 0.18)
        if draft.instance.family == "armchair":
            out = abs(draft.instance.parameters["width"] / 2 - abs(float(hip[0])))
        start = hip + np.array([sign * out, 0.5, rng.uniform(0.1, 0.25)])
        point, normal, missed = hit(draft, start[None], -UP[None])
        if missed[0] < 0.003 and normal[0, 1] > 0.7:
            palm(draft, side, point[0], -UP, fan(np.array([-sign, 0, 0.2]), UP, tuple(range(-180, 180, 30))))


def _top_points(draft: Draft, body: BodyNow, rng: np.random.Generator, apart: float, inside: float) -> Floats:
    """(2, 3) surface points for left and right palm on the near edge of the top."""
    low, high = reach_of(draft)
    half = min(apart / 2, 0.38 * float(high[0] - low[0]))
    near = draft.t_object[2] + low[2] + inside
    if draft.instance.family in CHAIRS:
        near = _back_rail(draft)[2]
    starts = np.stack(
        [[draft.t_object[0] + side_sign(s) * half, draft.t_object[1] + high[1] + 0.2, near] for s in SIDES]
    )
    points, _, _ = hit(draft, starts, np.tile(-UP, (2, 1)))
    return points


def _back_rail(draft: Draft) -> Floats:
    """(3,) world: the highest part of a chair's back."""
    vertices = draft.world_points(draft.template.mesh.vertices)
    return np.asarray(vertices[vertices[:, 1] > vertices[:, 1].max() - 0.03].mean(0))


def _in_front(draft: Draft, rng: np.random.Generator, body: BodyNow, gap: tuple[float, float]) -> None:
    """On the floor ahead; chairs show their back to the person."""
    family = draft.instance.family
    yaw = float(rng.choice([0.0, 90.0, 180.0, 270.0]))
    if family in CHAIRS:
        yaw = 0.0
    draft.R_object = spun(rng, _TOWARDS_PERSON.get(family, yaw), 5, 0)
    low, _ = reach_of(draft)
    near = body.at("pelvis")[2] + 0.12 + rng.uniform(*gap)
    if family in CHAIRS:
        stand_on_floor(draft, rng.normal(scale=0.03), 0.0)
        draft.t_object[2] += near - _back_rail(draft)[2]
    else:
        stand_on_floor(draft, rng.normal(scale=0.04), near - low[2])


def lean(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """One or two palms on top, the trunk bent towards it."""
    _in_front(draft, rng, body, (0.08, 0.3))
    points = _top_points(draft, body, rng, rng.uniform(0.25, 0.5), rng.uniform(0.05, 0.12))
    both = rng.random() < 0.7
    only = some_side(rng)
    for k, side in enumerate(SIDES):
        if both or side == only:
            inward = np.array([-side_sign(side), 0.0, 0.0])
            palm(draft, side, points[k], -UP, fan(inward, UP, (-50, -25, 0, 25, 50)))
    keep_feet(draft, body)
    draft.loosen(spine1=0.4, spine2=0.4, spine3=0.4, hip=0.8, pelvis=1.0)


def push(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """Palms against the near side, or over the near edge of a table or a chair's back."""
    _in_front(draft, rng, body, (0.18, 0.36))
    low, high = reach_of(draft)
    family, tall = draft.instance.family, float(high[1] - low[1])
    if family in CHAIRS or family in ("table", "round_table", "bench"):
        points = _top_points(draft, body, rng, rng.uniform(0.3, 0.5), 0.03)
        for k, side in enumerate(SIDES):
            inward = np.array([-side_sign(side), 0.0, 0.0])
            palm(draft, side, points[k], unit(np.array([0, -1.0, 0.25])), fan(inward, UP, (-20, 0, 20)))
    else:
        height = min(tall * rng.uniform(0.6, 0.9), body.shoulders()[1] - 0.1)
        # low things are pushed at their upper edge, from above
        ahead = np.array([0.0, 0.0, 1.0]) if tall > 0.7 else unit(np.array([0.0, -0.8, 0.6]))
        half = min(rng.uniform(0.1, 0.2), 0.35 * float(high[0] - low[0]))
        for side in SIDES:
            sign = side_sign(side)
            aim = np.array([draft.t_object[0] + sign * half, height, draft.t_object[2] + 0.6 * low[2]])
            point, normal, _ = hit(draft, (aim - 0.7 * ahead)[None], ahead[None])
            thumbs = fan(np.array([-sign, 0.15, 0.0]), ahead, tuple(range(-180, 180, 30)))
            palm(draft, side, point[0], unit(ahead - 0.7 * normal[0]), thumbs)
    keep_feet(draft, body)
    draft.loosen(spine1=0.4, spine2=0.4, spine3=0.4, hip=0.6, knee=0.8, ankle=0.8, pelvis=0.6)


def pull(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """A handle behind the body, or fingers hooked over the near edge."""
    if draft.instance.family == "suitcase":
        _tow(draft, body, rng)
        return
    _in_front(draft, rng, body, (0.2, 0.36))
    found = bars(draft.instance, draft.template, rng)
    if draft.instance.family in CHAIRS and found and rng.random() < 0.4:
        grasp_bar(draft, some_side(rng), found[0])
    else:
        points = _top_points(draft, body, rng, rng.uniform(0.25, 0.45), 0.02)
        for k, side in enumerate(SIDES):
            inward = np.array([-side_sign(side), 0.0, 0.0])
            palm(draft, side, points[k], unit(np.array([0, -1.0, 0.1])), fan(inward, UP, (-20, 0, 20)))
    keep_feet(draft, body)
    draft.loosen(spine1=0.4, spine2=0.4, spine3=0.4, hip=0.6, knee=0.8, ankle=0.8, pelvis=0.6)


def _tow(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """A suitcase behind the body, tipped towards the hand on its wheels."""
    side = some_side(rng)
    sign = side_sign(side)
    draft.R_object = about("y", sign * rng.uniform(0, 0.3)) @ about("x", rng.uniform(0.15, 0.6))
    bar = bars(draft.instance, draft.template, rng)[0]
    low, _ = reach_of(draft)
    handle = draft.R_object @ bar.point
    shoulder = body.at(f"{side}_shoulder")
    draft.t_object = np.array(
        [shoulder[0] + sign * 0.12, -low[1], shoulder[2] - rng.uniform(0.1, 0.22) - handle[2]]
    )
    draft.object_stiffness, draft.turn_stiffness = np.array([20.0, 1e4, 20.0]), 200.0
    # the hand may turn about the handle: the palm faces down or ahead
    ways = draft.object_directions(
        np.stack([np.array([0, -c, s]) for c, s in ((1, 0), (0.87, 0.5), (0.5, 0.87))])
    )
    ways -= (ways @ bar.axis)[:, None] * bar.axis
    grasp_bar(draft, side, Bar(bar.point, bar.axis, bar.radius, unit(ways)))
    keep_feet(draft, body)
    draft.loosen(spine1=0.4, spine2=0.4, spine3=0.4, hip=0.6, pelvis=0.8)


def lift(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """On the floor or just above it, with two hands at its sides, below it, or one at its handle."""
    draft.R_object = spun(rng, heading_between_hands(draft, rng), 8, 2)
    low, high = reach_of(draft)
    raised = rng.uniform(0.02, 0.25) if rng.random() < 0.5 else 0.0
    feet = max(float(body.groups[f"{side}_toes"][:, 2].max()) for side in SIDES)
    ahead = min(feet + 0.03 - low[2], body.shoulders()[2] + 0.3)
    draft.t_object = np.array([rng.normal(scale=0.03), raised - low[1], max(ahead, feet + 0.02 - low[2])])
    draft.object_stiffness = np.array([30.0, 1e4 if raised == 0 else 40.0, 30.0])
    draft.turn_stiffness = 1e4 if raised == 0 else 20.0
    found = bars(draft.instance, draft.template, rng)
    if found and draft.instance.family in ("toolbox", "suitcase", "backpack", "handbag"):
        grasp_bar(draft, some_side(rng), found[0])
    elif raised > 0.08 and draft.instance.family in ("box", "container") and rng.random() < 0.5:
        from_below(draft, body, rng)
    else:
        two_sides(draft, body, rng, draft.world_points(grip_centre(draft.instance, draft.template)))
    keep_feet(draft, body)
    draft.loosen(spine1=0.2, spine2=0.2, spine3=0.2, hip=0.15, knee=0.15, ankle=0.3, pelvis=0.2)
    draft.root_stiffness = np.array([40.0, 20.0, 40.0])
    look_at(draft, body, draft.t_object, 0.5)


def wipe(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """One palm flat on a top or a screen."""
    side = some_side(rng)
    sign = side_sign(side)
    if draft.instance.family in ("monitor", "board"):
        draft.R_object = spun(rng, 180.0, 6, 2)
        draft.t_object = np.array(
            [0.0, body.shoulders()[1] - rng.uniform(0.0, 0.35), body.front() + rng.uniform(0.3, 0.42)]
        )
        start = draft.t_object + np.array([sign * rng.uniform(0, 0.15), rng.uniform(-0.02, 0.12), -0.4])
        ahead = np.array([0.0, 0, 1.0])
        point, normal, _ = hit(draft, start[None], ahead[None])
        palm(draft, side, point[0], -normal[0], fan(np.array([-sign, 0.2, 0]), ahead, (-50, -25, 0, 25, 50)))
        draft.object_stiffness, draft.turn_stiffness = np.full(3, 100.0), 200.0
    else:
        _in_front(draft, rng, body, (0.02, 0.2))
        low, high = reach_of(draft)
        inside = rng.uniform(0.1, 0.3)
        start = draft.t_object + np.array([sign * rng.uniform(0.0, 0.25), high[1] + 0.2, low[2] + inside])
        point, normal, _ = hit(draft, start[None], -UP[None])
        palm(draft, side, point[0], -normal[0], fan(np.array([-sign, 0, 0]), UP, (-60, -30, 0, 30)))
    keep_feet(draft, body)
    draft.loosen(spine1=0.4, spine2=0.4, spine3=0.4, hip=0.8, pelvis=1.0)
    look_at(draft, body, draft.t_object, 0.7)
