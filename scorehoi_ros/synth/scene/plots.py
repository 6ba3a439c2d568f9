"""What happens in a sequence: lifting, walking with something, moving it in one hand, sitting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scorehoi_ros.body.skeleton import JOINT_INDEX, SIDES
from scorehoi_ros.synth.scene.contact import examine
from scorehoi_ros.synth.scene.draft import Draft
from scorehoi_ros.synth.scene.generate import Source, draw_instance, finish
from scorehoi_ros.synth.scene.hands import sided
from scorehoi_ros.synth.scene.interactions import Plan
from scorehoi_ros.synth.scene.kinds import template_of
from scorehoi_ros.synth.scene.kinematics import ARM, about, matrices
from scorehoi_ros.synth.scene.motion import (
    blended,
    clear_legs,
    clip_runs,
    follow_joint,
    frame_of,
    joint_means,
    keep_hold,
    resampled,
    stand_still,
    step_along,
)
from scorehoi_ros.synth.scene.place_held import carry_by_sides
from scorehoi_ros.synth.scene.poses import mirrored
from scorehoi_ros.synth.scene.stances import crouched, seated
from scorehoi_ros.synth.scene.workshop import Workshop
from scorehoi_ros.types import Floats

RATE_HZ = 12.0
_SHORTEST_LIFT_S = 3.5
_STARTS = 6
"""So many scenes are tried until one without faults begins the sequence."""
_RESTING = 1e-3
_LIFTED = ("boxmedium", "boxsmall", "boxlarge", "boxlong", "plasticcontainer", "trashbin")
_WALKED = ("boxmedium", "boxsmall", "plasticcontainer", "basketball", "monitor", "yogamat", "stool")
_IN_HAND = ("bottle", "cup", "can", "racket", "umbrella", "handbag", "toolbox", "phone", "book")
_SAT_ON = ("chairwood", "chairblack", "stool", "office_chair", "boxlarge", "yogaball")
_CLIP_TAGS = ("walk", "idle", "gesture", "clean", "throw_ball", "reach", "drink")


@dataclass(frozen=True)
class Director:
    """What the makers of sequences are given."""

    shop: Workshop
    split: str
    rng: np.random.Generator
    shape_rng: np.random.Generator
    source: Source

    def start(
        self, interaction: str, kinds: Sequence[str], local: Floats, name: str, plan: Plan | None = None
    ) -> Draft:
        """One solved scene from which the sequence is made: the first good one, or the best of a few."""
        betas = np.round(np.clip(self.shape_rng.normal(size=10), -2.5, 2.5), 3)
        # the kind of object is the same in every attempt, or easy ones would drive out hard ones
        kind = str(self.shape_rng.choice(list(kinds)))
        tried: list[tuple[float, Draft]] = []
        for _ in range(_STARTS):
            draft = self._draft(interaction, kind, local, name, betas)
            finish(self.shop, [draft], [self.rng], plan)
            tried.append((examine(self.shop.layer, self.shop.body, [draft])[0].score, draft))
            if tried[-1][0] == 0:
                break
        return min(tried, key=lambda pair: pair[0])[1]

    def _draft(self, interaction: str, kind: str, local: Floats, name: str, betas: Floats) -> Draft:
        instance = draw_instance(self.split, kind, self.rng, self.source)
        hands = np.concatenate([sided(self.shop.hands.idle(self.rng), side) for side in SIDES])
        template = template_of(instance.spec)
        return Draft(interaction, instance, template, name, betas, local.copy(), np.zeros(3), hands)

    def captured(self, stance: str) -> tuple[Floats, str]:
        """A captured pose (22, 3, 3) and its clip."""
        pose, name = self.shop.pool.draw(stance, self.rng)
        return matrices(pose), name

    def clip(self, count: int) -> tuple[Floats, str]:
        """A stretch of a clip as local rotations (count, 22, 3, 3), and its name."""
        corpus = self.shop.pool.corpus
        tagged = np.isin(corpus.clip, [k for k, tag in enumerate(corpus.tags) if tag in _CLIP_TAGS])
        runs = clip_runs(corpus.clip, corpus.frame, tagged & (corpus.weights(self.split) > 0))
        first, last = runs[int(self.rng.integers(len(runs)))]
        poses = corpus.poses[first:last].astype(np.float64)
        name = corpus.names[int(corpus.clip[first])]
        if self.rng.random() < 0.5:
            poses, name = mirrored(poses), f"{name}/mirrored"
        return resampled(matrices(poses), corpus.frame[first:last], count, RATE_HZ), name


def _eased(share: Floats) -> Floats:
    """0..1 with rest at both ends."""
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def _upright(rotation: Floats) -> Floats:
    """The nearest orientation (3, 3) about the vertical."""
    return about("y", float(np.arctan2(rotation[0, 2] - rotation[2, 0], rotation[0, 0] + rotation[2, 2])))


def lift(director: Director, count: int) -> list[Draft]:
    """Stoop, take hold, raise; half of the sequences put it down again."""
    rng = director.rng
    phase = np.linspace(0, 1, max(count, round(_SHORTEST_LIFT_S * RATE_HZ)))
    captured, name = director.captured("stand")
    seed, squat, depth = int(rng.integers(2**31)), rng.uniform(0.35, 1.0), rng.uniform(0.95, 1.1)
    stand, low = (crouched(captured, np.random.default_rng(seed), by, squat) for by in (0.04, depth))
    held = director.start("carry_two_hands", _LIFTED, stand, name, carry_by_sides)
    R_low = _upright(held.R_object)
    t_low = _on_floor(director.shop, held, low, R_low)
    crouch = _eased(phase / 0.35) - _eased((phase - 0.42) / 0.3)
    raised = _eased((phase - 0.42) / 0.3)
    if rng.random() < 0.5:
        again = _eased((phase - 0.75) / 0.25)
        crouch, raised = crouch + again, raised - again
    frames = []
    for c, up in zip(crouch, raised, strict=True):
        R = blended(R_low, held.R_object, np.array(up))
        frame = frame_of(
            held, blended(held.local, low, np.array(c)), R, (1 - up) * t_low + up * held.t_object
        )
        frame.interaction = "carry_two_hands" if up > 0.5 else "lift"
        frame.loosen(spine1=0.2, spine2=0.2, spine3=0.2, hip=0.15, knee=0.15, ankle=0.3, pelvis=0.2)
        frame.root_stiffness = np.array([40.0, 20.0, 40.0])
        frames.append(frame)
    stand_still(director.shop, frames)
    clear_legs(director.shop, frames, raised < _RESTING)
    keep_hold(director.shop, frames, captured, _eased(phase / 0.33))
    return frames


def _on_floor(shop: Workshop, held: Draft, low: Floats, R: Floats) -> Floats:
    """(3,) where the object stands before it is lifted: on the floor, in front of the toes."""
    bent = [replace(held, local=pose, root=np.zeros(3)) for pose in (low, held.local)]
    stand_still(shop, bent)
    toes = float(joint_means(shop, bent[:1], ("left_foot", "right_foot"))[0, 2]) + 0.08
    turned = held.template.mesh.vertices @ R.T
    return np.array([held.t_object[0], -turned[:, 1].min(), toes + 0.02 - turned[:, 2].min()])


def walk(director: Director, count: int) -> list[Draft]:
    """Walk, or stand and move, with something in both hands."""
    clip, name = director.clip(count)
    held = director.start("carry_two_hands", _WALKED, clip[0], name, carry_by_sides)
    arms = [JOINT_INDEX[f"{side}_{part}"] for side in SIDES for part in ARM]
    frames = [frame_of(held, local, held.R_object, held.t_object) for local in clip]
    for frame in frames:
        frame.local[arms] = held.local[arms]
    step_along(director.shop, frames)
    # arms hang on the upper spine: what moves with it stays in the hands
    follow_joint(director.shop, held, frames, "spine3")
    return frames


def in_one_hand(director: Director, count: int) -> list[Draft]:
    """Something in one hand, which follows the clip a little; the object moves with the hand."""
    clip, name = director.clip(count)
    held = director.start("hold_one_hand", _IN_HAND, clip[0], name)
    side = held.hands[0].side
    arm = [JOINT_INDEX[f"{side}_{part}"] for part in ARM]
    frames = []
    for local in clip:
        moved = local.copy()
        swing = np.swapaxes(clip[0, arm], -1, -2) @ local[arm]
        moved[arm] = held.local[arm] @ blended(np.broadcast_to(np.eye(3), swing.shape), swing, np.array(0.35))
        frames.append(frame_of(held, moved, held.R_object, held.t_object))
    step_along(director.shop, frames)
    follow_joint(director.shop, held, frames, f"{side}_wrist")
    return frames


def sit(director: Director, count: int) -> list[Draft]:
    """Sit and move the trunk and the free arms a little."""
    rng = director.rng
    captured, name = director.captured("sit")
    posture = seated(captured, rng) if rng.random() < 0.5 else captured
    held = director.start("sit_on", _SAT_ON, posture, name)
    trunk = [JOINT_INDEX[joint] for joint in ("spine1", "spine2", "spine3", "neck", "head")]
    free = [side for side in SIDES if all(goal.side != side for goal in held.hands)]
    arms = [JOINT_INDEX[f"{side}_{part}"] for side in free for part in ("shoulder", "elbow")]
    size = np.array([0.03] * len(trunk) + [0.12] * len(arms))[:, None]
    waves, speed = rng.normal(size=(len(size), 3, 2)), rng.uniform(0.15, 0.4, size=(len(size), 1))
    frames = []
    for seconds in np.arange(count) / RATE_HZ:
        angle = 2 * np.pi * speed * seconds
        turn = size * (waves[..., 0] * np.sin(angle) + waves[..., 1] * (1 - np.cos(angle)))
        local = held.local.copy()
        local[trunk + arms] = local[trunk + arms] @ matrices(turn)
        frame = frame_of(held, local, held.R_object, held.t_object)
        frame.root = held.root.copy()
        frames.append(frame)
    return frames


PLOTS: tuple[Callable[[Director, int], list[Draft]], ...] = (lift, walk, in_one_hand, lift, sit)
"""Sequence number k has plot k modulo their number."""
