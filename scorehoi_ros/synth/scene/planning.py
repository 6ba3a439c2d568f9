"""What the planners of interactions see of the posed body, and the moves that they share."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.body.skeleton import JOINT_INDEX, SIDES
from scorehoi_ros.synth.scene.draft import Draft, Goal, HandGoal
from scorehoi_ros.synth.scene.field import distance_and_slope
from scorehoi_ros.synth.scene.grips import extents, surface_hits
from scorehoi_ros.synth.scene.kinematics import about, reach_leg, unit
from scorehoi_ros.types import Floats

UP = np.array([0.0, 1.0, 0.0])
_ANKLE_ABOVE_M, _ANKLE_BEHIND_M = 0.072, 0.07
"""Ankle joint from the middle of the sole."""


@dataclass(frozen=True)
class BodyNow:
    """The body before it is moved towards the object; world frame, metres."""

    turned: Floats
    """(22, 3, 3) world rotations."""
    place: Floats
    """(22, 3) joints."""
    groups: dict[str, Floats]
    """Skin points (n, 3) of each of `anchors.GROUPS`."""
    skin: Floats
    """(n, 3) points all over the skin."""
    arm: float
    """Length of an arm without the hand."""

    def at(self, joint: str) -> Floats:
        """(3,) a joint."""
        return np.asarray(self.place[JOINT_INDEX[joint]])

    def front(self) -> float:
        """How far the chest and belly stand out towards z."""
        return float(self.groups["chest"][:, 2].max())

    def shoulders(self) -> Floats:
        """(3,) between the shoulders."""
        return np.asarray((self.at("left_shoulder") + self.at("right_shoulder")) / 2)


def side_sign(side: str) -> float:
    """1 for left, which is towards x, -1 for right."""
    return 1.0 if side == "left" else -1.0


def some_side(rng: np.random.Generator) -> str:
    """Left or right; most people are right-handed, but mirrored data have to be seen too."""
    return str(SIDES[int(rng.random() < 0.55)])


def spun(rng: np.random.Generator, yaw_deg: float, yaw_sd: float = 8.0, tilt_sd: float = 6.0) -> Floats:
    """(3, 3) upright orientation with a heading, and a little off in all directions."""
    yaw = np.radians(yaw_deg + rng.normal(scale=yaw_sd))
    tilt = np.radians(rng.normal(scale=tilt_sd, size=2)) if tilt_sd > 0 else np.zeros(2)
    return np.asarray(about("y", yaw) @ about("x", float(tilt[0])) @ about("z", float(tilt[1])))


def reach_of(draft: Draft) -> tuple[Floats, Floats]:
    """Lowest and highest corner (3,) of the object's box along the world's axes, from the object's origin."""
    turned = draft.template.mesh.vertices @ draft.R_object.T
    return turned.min(0), turned.max(0)


def stand_on_floor(draft: Draft, x: float, z: float) -> None:
    """Put the object's lowest point on the floor and its origin at (x, z); it stays there."""
    low, _ = reach_of(draft)
    draft.t_object = np.array([x, -low[1], z])
    draft.object_stiffness = np.array([60.0, 1e4, 60.0])
    draft.turn_stiffness = 1e4


def push_out(draft: Draft, skin: Floats, way: Floats, allowed_m: float = 0.0) -> None:
    """Move the object along `way` until none of the points `skin` (n, 3) is deeper inside than allowed."""
    for _ in range(8):
        depth = -float(distance_and_slope(draft.template.sdf, draft.object_points(skin))[0].min()) - allowed_m
        if depth <= 0:
            return
        draft.t_object = draft.t_object + (depth + 0.002) * way


def hit(draft: Draft, starts: Floats, directions: Floats) -> tuple[Floats, Floats, Floats]:
    """Surface points, normals and misses of rays in the world; see `surface_hits`."""
    points, normals, missed = surface_hits(
        draft.template, draft.object_points(starts), draft.object_directions(directions)
    )
    return draft.world_points(points), normals @ draft.R_object.T, missed


def palm(
    draft: Draft,
    side: str,
    point: Floats,
    facing: Floats,
    thumbs: Floats,
    touch: float = 1.0,
    fingers: bool = True,
) -> None:
    """Ask for a palm at a world point that faces `facing`, the thumb's side along one of `thumbs` (n, 3)."""
    thumbs = np.atleast_2d(thumbs)
    across = thumbs - (thumbs @ facing)[:, None] * facing
    keep = np.linalg.norm(across, axis=1) > 0.1
    count = int(keep.sum())
    draft.hands.append(
        HandGoal(
            side,
            np.tile(draft.object_points(point), (count, 1)),
            np.tile(draft.object_directions(unit(facing)), (count, 1)),
            draft.object_directions(unit(across[keep])),
            touch,
            fingers,
        )
    )
    draft.loosen(**{f"arm_{side}": 1.0})


def fan(middle: Floats, axis: Floats, degrees: tuple[float, ...] = (-40, -20, 0, 20, 40)) -> Floats:
    """(n, 3) a direction turned about an axis by several angles."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_rotvec(np.radians(degrees)[:, None] * unit(axis))
    return np.asarray(turns.apply(middle))


def two_sides(
    draft: Draft, body: BodyNow, rng: np.random.Generator, centre: Floats, lower: float = 0.0
) -> None:
    """Both palms on the object's left and right side, facing each other, fingers ahead."""
    _, high = reach_of(draft)
    low, _ = reach_of(draft)
    reach = float(max(high[0], -low[0])) + 0.3
    forward = rng.uniform(-0.25, 0.15) * min(float(high[2] - low[2]), 0.3)
    line = centre + np.array([0.0, -lower, forward])
    starts = np.stack([line + side_sign(s) * reach * np.array([1.0, 0, 0]) for s in SIDES])
    ways = np.stack([-side_sign(s) * np.array([1.0, 0, 0]) for s in SIDES])
    points, normals, _ = hit(draft, starts, ways)
    for k, side in enumerate(SIDES):
        facing = unit(ways[k] - 0.6 * normals[k])
        palm(draft, side, points[k], facing, fan(np.array([0.0, 0.9, -0.45]), ways[k]))


def from_below(draft: Draft, body: BodyNow, rng: np.random.Generator) -> None:
    """Both palms under the object, near its sides, fingers ahead."""
    low, high = reach_of(draft)
    share = rng.uniform(0.5, 0.75)
    for side in SIDES:
        x = float(np.clip((high[0] if side == "left" else low[0]) * share, -0.24, 0.24))
        start = draft.t_object + np.array([x, low[1] - 0.2, 0.25 * low[2] * rng.uniform(0, 1)])
        point, _, _ = hit(draft, start[None], UP[None])
        outward = side_sign(side) * np.array([1.0, 0, 0])
        palm(draft, side, point[0], UP, fan(outward, UP, (-60, -30, 0, 30)))


def keep_feet(
    draft: Draft, body: BodyNow, sides: tuple[str, ...] = ("left", "right"), pull: float = 150.0
) -> None:
    """Ask both soles to stay."""
    for side in sides:
        draft.goals.append(Goal(f"{side}_sole", body.groups[f"{side}_sole"].mean(0), "world", pull))


def look_at(draft: Draft, body: BodyNow, target: Floats, share: float) -> None:
    """Turn neck and head part of the way towards a point."""
    chest = body.turned[JOINT_INDEX["spine3"]]
    way = chest.T @ unit(target - body.at("head"))
    yaw = float(np.clip(np.arctan2(way[0], max(way[2], 0.05)), -0.9, 0.9)) * share / 2
    pitch = float(np.clip(np.arctan2(-way[1], max(np.hypot(way[0], way[2]), 0.05)), -0.5, 0.8)) * share / 2
    for name in ("neck", "head"):
        draft.local[JOINT_INDEX[name]] = about("y", yaw) @ about("x", pitch)


def put_foot(draft: Draft, body: BodyNow, side: str, sole: Floats, pitch: float) -> None:
    """Bring the middle of a sole to a place (3,) by hip and knee; toes point down by `pitch` radians."""
    hip, knee, ankle = (body.at(f"{side}_{joint}") for joint in ("hip", "knee", "ankle"))
    lengths = float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))
    foot = about("x", pitch)
    above = foot @ np.array([0.0, _ANKLE_ABOVE_M, -_ANKLE_BEHIND_M])
    turn, bend = reach_leg(body.turned[0], hip, *lengths, sole + above)
    draft.local[JOINT_INDEX[f"{side}_hip"]], draft.local[JOINT_INDEX[f"{side}_knee"]] = turn, bend
    draft.local[JOINT_INDEX[f"{side}_ankle"]] = (body.turned[0] @ turn @ bend).T @ foot


def size_of(draft: Draft) -> Floats:
    """(3,) sides of the object's box in its own frame."""
    low, high = extents(draft.template)
    return np.asarray(high - low)
