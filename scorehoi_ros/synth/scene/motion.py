"""Moves that the frames of a sequence share: clips, feet that do not slide, hands that keep hold.

A frame of a lift is solved like a still scene, with the places of the hands on the object the same in all
frames; arms are smoothed over time before the solver, which then mends the hands.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.skeleton import JOINT_INDEX, SIDES
from scorehoi_ros.synth.scene.draft import LOOSE_ARM, Draft, Goal, HandGoal
from scorehoi_ros.synth.scene.fingers import close_fingers
from scorehoi_ros.synth.scene.generate import bring_arms, settle
from scorehoi_ros.synth.scene.hands import preshaped
from scorehoi_ros.synth.scene.ik import solve
from scorehoi_ros.synth.scene.kinematics import ARM, forward, matrices
from scorehoi_ros.synth.scene.planning import push_out
from scorehoi_ros.synth.scene.workshop import Workshop
from scorehoi_ros.types import Bools, Floats, Ints

_STEPS = 90
_SOLE_PULL = 1200.0
_SMOOTHING_FRAMES = 1.5
"""Before the solver, which then mends the hands."""
_LEG_ROOM_M = 0.035
_HELD = 0.97
"""From this share of the way to the object on, a hand has it."""
_FRAMES_A_SECOND_OF_CLIPS = 20.0
_LONGEST_GAP = 8
_LEVEL = np.array([1.0, 0.0, 1.0])


def clip_runs(clip: Ints, frame: Ints, usable: Bools) -> list[tuple[int, int]]:
    """Rows (first, one after last) of stretches of at least a second without long gaps."""
    changes = (np.diff(clip) != 0) | (np.diff(frame) > _LONGEST_GAP) | (np.diff(usable.astype(int)) != 0)
    edges = np.concatenate([[0], np.nonzero(changes)[0] + 1, [len(clip)]])
    return [
        (int(a), int(b))
        for a, b in zip(edges[:-1], edges[1:], strict=True)
        if usable[a] and frame[b - 1] - frame[a] >= _FRAMES_A_SECOND_OF_CLIPS
    ]


def resampled(rotations: Floats, frame: Ints, count: int, rate_hz: float) -> Floats:
    """Rotations (n, J, 3, 3) at frames of a clip to (count, J, 3, 3) at another rate, back and forth."""
    seconds = (frame - frame[0]) / _FRAMES_A_SECOND_OF_CLIPS
    length = float(seconds[-1])
    time = np.arange(count) / rate_hz % (2 * length)
    time = np.where(time > length, 2 * length - time, time)
    upper = np.clip(np.searchsorted(seconds, time), 1, len(seconds) - 1)
    share = (time - seconds[upper - 1]) / (seconds[upper] - seconds[upper - 1])
    return blended(rotations[upper - 1], rotations[upper], share[:, None])


def blended(start: Floats, end: Floats, share: Floats) -> Floats:
    """Rotations (..., 3, 3) on the shortest way from start to end; `share` (...) 0..1."""
    start, end = np.broadcast_arrays(start, end)
    flat = Rotation.from_matrix((np.swapaxes(start, -1, -2) @ end).reshape(-1, 3, 3)).as_rotvec()
    turn = flat.reshape(*start.shape[:-2], 3) * np.broadcast_to(share, start.shape[:-2])[..., None]
    return np.asarray(start @ matrices(turn))


def frame_of(held: Draft, local: Floats, R: Floats, t: Floats) -> Draft:
    """A frame with the same person, object and hands as a solved scene; the object stays where it is put."""
    return replace(
        held,
        local=np.array(local),
        hand_poses=held.hand_poses.copy(),
        R_object=np.array(R),
        t_object=np.array(t),
        root=np.zeros(3),
        goals=[],
        stiffness=held.stiffness.copy(),
        object_stiffness=np.full(3, 1e5),
        turn_stiffness=1e5,
    )


def skin_points(shop: Workshop, frames: Sequence[Draft]) -> tuple[Floats, Floats]:
    """Points all over the skin (T, n, 3) and joints (T, 52, 3)."""
    names = ("local", "hand_poses", "betas", "root")
    points, joints = shop.mover.posed(*(np.stack([getattr(f, name) for f in frames]) for name in names))
    return points.double().numpy(), joints.double().numpy()


def joint_means(shop: Workshop, frames: Sequence[Draft], names: tuple[str, ...]) -> Floats:
    """(T, 3) means of some joints."""
    rows = [JOINT_INDEX[name] for name in names]
    places = [forward(f.local, shop.rest_joints(f.betas), f.root)[1][rows].mean(0) for f in frames]
    return np.stack(places)


def stand_still(shop: Workshop, frames: Sequence[Draft]) -> None:
    """Put the feet on the floor; the ankles stay where they are in the last frame."""
    settle(shop, frames)
    ankles = joint_means(shop, frames, ("left_ankle", "right_ankle"))
    for frame, place in zip(frames, ankles, strict=True):
        frame.root = frame.root + (ankles[-1] - place) * _LEVEL


def step_along(shop: Workshop, frames: Sequence[Draft]) -> None:
    """The lower foot does not slide: it carries the body on."""
    settle(shop, frames)
    feet = np.stack([joint_means(shop, frames, (f"{side}_foot",)) for side in SIDES], axis=1)
    place = np.zeros(3)
    for k in range(1, len(frames)):
        lower = int(feet[k, :, 1].argmin())
        place = place + (feet[k - 1, lower] - feet[k, lower]) * _LEVEL
        frames[k].root = frames[k].root + place


def clear_legs(shop: Workshop, frames: Sequence[Draft], resting: Bools) -> None:
    """Keep the object in front of the body on its way; in the frames `resting` (T,) it does not move."""
    way = np.array([0.0, 0.0, 1.0])
    moved = np.zeros(len(frames))
    for k, (frame, skin) in enumerate(zip(frames, skin_points(shop, frames)[0], strict=True)):
        before = frame.t_object[2]
        push_out(frame, skin, way, -_LEG_ROOM_M)
        moved[k] = frame.t_object[2] - before
        frame.t_object[2] = before
    moved[resting] = moved[resting].max(initial=0.0)
    # first the largest shift nearby, so that smoothing takes away nothing that is needed
    moved = gaussian_filter1d(maximum_filter1d(moved, 7, mode="nearest"), 1.5, mode="nearest")
    moved[resting] = moved[resting].max(initial=0.0)
    for frame, shift in zip(frames, moved, strict=True):
        frame.t_object = frame.t_object + shift * way


def follow_joint(shop: Workshop, held: Draft, frames: Sequence[Draft], name: str) -> None:
    """Move the object with a joint as it was in `held`."""
    joint = JOINT_INDEX[name]
    R_held, p_held = (a[joint] for a in forward(held.local, shop.rest_joints(held.betas), held.root))
    for frame in frames:
        R, p = (a[joint] for a in forward(frame.local, shop.rest_joints(frame.betas), frame.root))
        turn = R @ R_held.T
        frame.R_object = turn @ held.R_object
        frame.t_object = p + turn @ (held.t_object - p_held)


def keep_hold(shop: Workshop, frames: Sequence[Draft], rest: Floats, grasp: Floats) -> None:
    """Solve the arms of the frames together; frames that do not hold the object yet lead there.

    `grasp` (T,) 0 = arms as in the pose `rest` (22, 3, 3), 1 = at the object.
    """
    first = int((grasp >= _HELD).argmax())
    holding = frames[first:]
    chosen = _same_choice(shop, holding)
    for frame, skin in zip(holding, skin_points(shop, holding)[0], strict=True):
        frame.goals = _sole_goals(shop, skin)
        for side in SIDES:
            for part, stiff in LOOSE_ARM.items():
                frame.stiffness[JOINT_INDEX[f"{side}_{part}"]] = stiff
    _smooth(holding)
    solve(shop.mover, holding, chosen, _STEPS)
    close_fingers(shop.skin, holding)
    _lead_up(frames[:first], holding[0], rest, grasp)


def _lead_up(frames: Sequence[Draft], held: Draft, rest: Floats, grasp: Floats) -> None:
    """Frames before the object is held: arms on their way to it, hands open."""
    arms = [JOINT_INDEX[f"{side}_{part}"] for side in SIDES for part in ARM]
    for frame, share in zip(frames, grasp, strict=False):
        frame.local[arms] = blended(rest[arms], held.local[arms], np.array(share))
        for side, grip in frame.grasps.items():
            start = 0 if side == "left" else 15
            frame.hand_poses[start : start + 15] = preshaped(grip)
        frame.hands = [replace(goal, touch=0.0) for goal in frame.hands]
        frame.interaction = "reach"


def _same_choice(shop: Workshop, frames: Sequence[Draft]) -> list[dict[str, int]]:
    """Bring the arms of all frames to the places on the object that suit most of them."""
    chosen = [bring_arms(shop, frame) for frame in frames]
    for side in chosen[0]:
        common = int(np.bincount([choice[side] for choice in chosen]).argmax())
        for frame in frames:
            frame.hands = [_only(goal, common) if goal.side == side else goal for goal in frame.hands]
    return [bring_arms(shop, frame) for frame in frames]


def _only(goal: HandGoal, k: int) -> HandGoal:
    """The same hand with one of its places."""
    points, facing, thumbs = (a[k : k + 1] for a in (goal.points, goal.facing, goal.thumbs))
    return replace(goal, points=points, facing=facing, thumbs=thumbs)


def _sole_goals(shop: Workshop, skin: Floats) -> list[Goal]:
    """Both soles stay where they are."""
    rows = {side: shop.mover.rows[f"{side}_sole"].numpy() for side in SIDES}
    return [Goal(f"{side}_sole", skin[rows[side]].mean(0), "world", _SOLE_PULL) for side in SIDES]


def _smooth(frames: Sequence[Draft]) -> None:
    """Take out what differs because each arm was brought to the object for itself."""
    local, roots = (
        gaussian_filter1d(
            np.stack([getattr(f, name) for f in frames]), _SMOOTHING_FRAMES, axis=0, mode="nearest"
        )
        for name in ("local", "root")
    )
    U, _, Vt = np.linalg.svd(local)
    for frame, rotations, root in zip(frames, U @ Vt, roots, strict=True):
        frame.local, frame.root = rotations, root
