"""Objects that are held: carried, in one hand, overhead, hugged, at the mouth, on the back."""

import numpy as np

from scorehoi_ros.body.skeleton import SIDES
from scorehoi_ros.synth.scene.draft import Draft, Goal, HandGoal
from scorehoi_ros.synth.scene.grips import Bar, bars, grip_centre
from scorehoi_ros.synth.scene.kinematics import about, unit
from scorehoi_ros.synth.scene.planning import (
    UP,
    BodyNow,
    fan,
    from_below,
    hit,
    look_at,
    palm,
    push_out,
    reach_of,
    side_sign,
    size_of,
    some_side,
    spun,
    stand_on_floor,
    two_sides,
)
from scorehoi_ros.types import Floats

HANGING = ("toolbox", "handbag", "suitcase", "backpack")
"""Families that hang from the hand by a handle."""
UNDER = ("box", "container", "tray", "suitcase", "toolbox", "monitor", "laptop", "keyboard", "book", "board")
"""Families with a flat bottom that can lie on two hands."""
_THIN_M = 0.07
"""Flatter things lie on the hands: edges this thin go between the fingers."""
NARROWEST_GRIP_M, WIDEST_GRIP_M = 0.07, 0.62
"""What two hands can span."""


def heading_between_hands(draft: Draft, rng: np.random.Generator) -> float:
    """Yaw in degrees that brings a side that two hands can span across the body."""
    width, _, depth = size_of(draft)
    if draft.instance.family == "laptop":
        return 180.0
    ways = [
        (yaw, span) for yaw, span in ((0.0, width), (90.0, depth)) if NARROWEST_GRIP_M < span < WIDEST_GRIP_M
    ]
    if len(ways) == 2 and max(width, depth) > 2.2 * min(width, depth):
        ways = [max(ways, key=lambda way: way[1])]
    yaw = ways[int(rng.integers(len(ways)))][0] if ways else (0.0 if width > depth else 90.0)
    return yaw + float(rng.choice([0.0, 180.0]))


def too_wide(draft: Draft) -> bool:
    """Whether two hands cannot span it from left to right."""
    low, high = reach_of(draft)
    return bool(high[0] - low[0] > WIDEST_GRIP_M + 0.1)


def hold_loosely(draft: Draft, place: float = 20.0, turn: float = 4.0) -> None:
    """The solver may move the object a little to where hands can have it."""
    draft.object_stiffness = np.full(3, place)
    draft.turn_stiffness = turn


def carry(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """In front of belly or chest with two hands, at the sides or from below."""
    _carry(draft, body, rng, 0.4)


def carry_by_sides(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """In front of belly or chest with two hands at its sides, as after lifting it from the floor."""
    _carry(draft, body, rng, 0.0)


def _carry(draft: Draft, body: BodyNow, rng: np.random.Generator, below: float) -> None:
    """Carried; `below` is how often things with a flat bottom lie on the hands."""
    draft.R_object = spun(rng, heading_between_hands(draft, rng))
    low, high = reach_of(draft)
    height = rng.uniform(body.at("pelvis")[1] + 0.02, body.groups["chest"][:, 1].max() + 0.02)
    ahead = body.front() - low[2] + rng.uniform(0.02, 0.14)
    draft.t_object = np.array([rng.normal(scale=0.03), height, min(ahead, body.front() + 0.42)])
    push_out(draft, body.skin, np.array([0.0, 0.0, 1.0]))
    hold_loosely(draft)
    thin = high[1] - low[1] < _THIN_M or draft.instance.family == "laptop"
    if too_wide(draft) or thin or (draft.instance.family in UNDER and rng.random() < below):
        from_below(draft, body, rng)
    else:
        two_sides(draft, body, rng, draft.world_points(grip_centre(draft.instance, draft.template)))
    look_at(draft, body, draft.t_object, float(rng.uniform(0, 0.8)))


def overhead(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """Above the head, with two hands, or an umbrella with one."""
    if draft.instance.family == "umbrella":
        _umbrella(draft, body, rng)
        return
    draft.R_object = spun(rng, heading_between_hands(draft, rng))
    low, _ = reach_of(draft)
    top = float(body.at("head")[1]) + 0.24
    draft.t_object = np.array(
        [rng.normal(scale=0.03), top - low[1] + rng.uniform(0.0, 0.15), rng.uniform(0.0, 0.22)]
    )
    hold_loosely(draft)
    centre = draft.world_points(grip_centre(draft.instance, draft.template))
    if too_wide(draft) or (draft.instance.family in UNDER and rng.random() < 0.4):
        for side in SIDES:
            start = draft.t_object + np.array([side_sign(side) * 0.16, low[1] - 0.2, 0.0])
            point, _, _ = hit(draft, start[None], UP[None])
            palm(draft, side, point[0], UP, fan(np.array([0.0, 0, 1.0]), UP, tuple(range(-180, 180, 30))))
        return
    high = body.shoulders()[1] + 0.88 * body.arm
    two_sides(draft, body, rng, centre, float(np.clip(centre[1] - high, 0.0, -0.8 * low[1])))
    for k, goal in enumerate(draft.hands):  # arms are up: thumbs point back
        facing = goal.facing[0] @ draft.R_object.T
        thumbs = draft.object_directions(fan(np.array([0, 0.4, -0.9]), facing))
        draft.hands[k] = HandGoal(goal.side, goal.points, goal.facing, thumbs, goal.touch)


def _umbrella(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    side = some_side(rng)
    draft.R_object = spun(rng, rng.uniform(0, 360), 0, 5)
    bar = bars(draft.instance, draft.template, rng)[0]
    grip = body.shoulders() + np.array(
        [side_sign(side) * 0.14, rng.uniform(-0.05, 0.2), rng.uniform(0.24, 0.34)]
    )
    draft.t_object = grip - draft.R_object @ bar.point
    hold_loosely(draft)
    grasp_bar(draft, side, bar)


def grasp_bar(draft: Draft, side: str, bar: Bar) -> None:
    """One hand around a bar; both senses of its axis are offered."""
    ways = bar.ways()
    points, facing, thumbs = [], [], []
    for sense in (1.0, -1.0):
        points.append(bar.point - bar.radius * ways)
        facing.append(ways)
        thumbs.append(np.tile(sense * bar.axis, (len(ways), 1)))
    draft.hands.append(HandGoal(side, np.concatenate(points), np.concatenate(facing), np.concatenate(thumbs)))
    draft.loosen(**{f"arm_{side}": 1.0})


def one_hand(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """In one hand: hanging by a handle, a stick with its end on the floor, or anywhere in front."""
    side = some_side(rng)
    bar = _pick(bars(draft.instance, draft.template, rng), rng)
    family = draft.instance.family
    hold_loosely(draft)
    if family in HANGING:
        _hang(draft, body, rng, side, bar)
    elif family == "broom":
        draft.R_object = spun(rng, rng.uniform(0, 360), 0, 5)
        shoulder = body.at(f"{side}_shoulder")
        stand_on_floor(draft, shoulder[0] + side_sign(side) * rng.uniform(0.02, 0.15), rng.uniform(0.28, 0.4))
        draft.object_stiffness = np.array([20.0, 1e4, 20.0])
    else:
        tilt = about("x", rng.normal(scale=0.3)) @ about("z", rng.normal(scale=0.3))
        if family in ("racket", "mat", "skateboard", "ball"):
            tilt = about("x", rng.uniform(-1.5, 1.5)) @ about("z", rng.uniform(-1.0, 1.0))
        draft.R_object = about("y", rng.uniform(0, 2 * np.pi)) @ tilt
        draft.t_object = _in_front(body, rng, side) - draft.R_object @ bar.point
    grasp_bar(draft, side, bar)
    if rng.random() < 0.5:
        look_at(draft, body, draft.t_object, float(rng.uniform(0.3, 0.9)))


def _pick(found: list[Bar], rng: np.random.Generator) -> Bar:
    return found[int(rng.integers(len(found)))]


def _in_front(body: BodyNow, rng: np.random.Generator, side: str) -> Floats:
    """(3,) a place that the hand of one side reaches easily."""
    out, down, ahead = rng.uniform(-0.14, 0.16), rng.uniform(0.02, 0.42), rng.uniform(0.26, 0.42)
    return np.asarray(body.at(f"{side}_shoulder") + np.array([side_sign(side) * out, -down, ahead]))


def _hang(draft: Draft, body: BodyNow, rng: np.random.Generator, side: str, bar: Bar) -> None:
    """At the side of the leg, the handle fore and aft."""
    draft.R_object = spun(rng, 90.0 * rng.choice([-1, 1]), 8, 3)
    low, high = reach_of(draft)
    shoulder = body.at(f"{side}_shoulder")
    handle = draft.R_object @ bar.point
    lowest = handle[1] - low[1] + 0.02
    height = max(shoulder[1] - body.arm * rng.uniform(0.97, 1.08), lowest)
    half = float(max(high[0], -low[0]))
    out = max(abs(float(shoulder[0])) + 0.04, 0.18 + half)
    grip = np.array([side_sign(side) * out, height, shoulder[2] + rng.uniform(-0.02, 0.1)])
    draft.t_object = grip - handle


def hug(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """Held against chest and belly with both arms around it."""
    width, height, depth = size_of(draft)
    draft.R_object = spun(rng, 0.0 if width <= depth else 90.0)
    if draft.instance.family == "mat":
        draft.R_object = spun(rng, 0) @ about("z", np.pi / 2)
    if draft.instance.family == "backpack":
        draft.R_object = spun(rng, 0)
    low, high = reach_of(draft)
    middle = float(np.median(body.groups["chest"][:, 1])) + rng.uniform(-0.08, 0.08)
    draft.t_object = np.array([rng.normal(scale=0.02), middle, body.front() - low[2] - 0.005])
    push_out(draft, body.skin, np.array([0.0, 0.0, 1.0]), -0.002)
    hold_loosely(draft)
    draft.goals.append(Goal("chest", touch=150.0))
    drop = rng.uniform(-0.05, 0.12) * height
    for side, up in zip(SIDES, (0.06, -0.06), strict=True):
        sign = side_sign(side)
        way = unit(
            np.array([-sign * 0.75, 0.0, -0.65 if max(high[0] - low[0], high[2] - low[2]) < 0.36 else -0.1])
        )
        start = draft.t_object + np.array([0, up - drop, 0]) - 0.9 * way
        point, normal, _ = hit(draft, start[None], way[None])
        palm(draft, side, point[0], unit(-normal[0] + 0.3 * way), fan(UP, way))
        draft.goals.append(Goal(f"{side}_forearm", touch=120.0))
    draft.loosen(spine1=0.6, spine2=0.6, spine3=0.6)


def to_mouth(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """Drink from it: the rim at the mouth, the axis leaning towards the face."""
    side = some_side(rng)
    tilt = rng.uniform(0.35, 1.2)
    mouth = body.groups["mouth"].mean(0)
    draft.R_object = about("y", -side_sign(side) * rng.uniform(-0.1, 0.5)) @ about("x", -tilt)
    if draft.instance.family == "cup":  # the handle points out or ahead, not into the face
        draft.R_object = draft.R_object @ about(
            "y", -side_sign(side) * rng.uniform(0, 1.5) + (side == "right") * np.pi
        )
    top = float(draft.template.mesh.vertices[:, 1].max())
    rim_radius = draft.instance.parameters.get("neck", draft.instance.parameters.get("diameter", 0.03)) / 2
    if draft.instance.family == "can":
        rim_radius *= 0.9
    rim = np.array([0.0, top, 0.0]) + draft.R_object.T @ np.array([0, -0.35 * rim_radius, -rim_radius])
    rim[1] = top
    draft.t_object = mouth + np.array([0.0, 0.0, 0.002]) - draft.R_object @ rim
    draft.object_stiffness, draft.turn_stiffness = np.full(3, 200.0), 8.0
    draft.goals.append(Goal("mouth", rim, "object", 400.0, 200.0))
    draft.loosen(neck=0.1, head=0.1, spine3=0.6)
    grasp_bar(draft, side, bars(draft.instance, draft.template, rng)[0])


def on_back(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """A backpack on the back; the hands do something else, or one holds a strap."""
    chest = body.turned[9]
    draft.R_object = chest @ about("y", np.pi) @ spun(rng, 0, 2, 2)
    back = body.groups["back"]
    normal = -chest[:, 2]
    straps = float(draft.template.mesh.vertices[:, 2].min())
    face = back[(back @ normal).argmax()]
    draft.t_object = (
        back.mean(0)
        + normal * ((face - back.mean(0)) @ normal - straps)
        - chest[:, 1] * rng.uniform(0.06, 0.14)
    )
    push_out(draft, body.skin, normal, -0.012)
    hold_loosely(draft, 10.0, 20.0)
    draft.goals.append(Goal("back", touch=60.0))


def type_on(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """Both hands over the keys, finger tips on them; the desk is not seen."""
    draft.R_object = about("y", np.pi + rng.normal(scale=0.1)) @ about("x", rng.normal(scale=0.04))
    elbow_height = body.shoulders()[1] - 0.3
    draft.t_object = np.array([rng.normal(scale=0.04), elbow_height - rng.uniform(0.02, 0.12), 0.0])
    draft.t_object[2] = (
        max(body.front(), body.at("pelvis")[2]) + rng.uniform(0.2, 0.28) - reach_of(draft)[0][2] / 2
    )
    draft.object_stiffness, draft.turn_stiffness = np.array([30.0, 30.0, 30.0]), 100.0
    keys = draft.world_points(_keys(draft))
    for side in SIDES:
        sign = side_sign(side)
        start = keys + np.array([sign * rng.uniform(0.06, 0.1), 0.3, -0.055])
        point, _, _ = hit(draft, start[None], -UP[None])
        point[0, 1] = keys[1] + 0.045
        inward = np.array([-sign, 0.0, 0.0])
        palm(draft, side, point[0], unit(np.array([0, -1.0, 0.25])), fan(inward, UP, (-25, 0, 25)), touch=0.0)
        draft.goals.append(Goal(f"{side}_fingers", touch=300.0))
    look_at(draft, body, draft.t_object, 0.8)


def _keys(draft: Draft) -> Floats:
    """(3,) middle of the keys, object's frame."""
    if draft.instance.family != "laptop":
        return np.array([0.0, float(draft.template.mesh.vertices[:, 1].max()), 0.0])
    p = draft.instance.parameters
    return np.array([0.0, 0.008 - p["depth"] / 3, p["depth"] * (0.4 - 1 / 3)]) - draft.template.origin_shift
