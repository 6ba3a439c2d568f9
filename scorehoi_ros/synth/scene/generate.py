"""Scenes by number: the same split, number and version always give the same scene.

Scenes are made in blocks of `BLOCK` consecutive numbers, because matrix products of other sizes differ in
their last bits: whoever asks for one scene gets it out of its whole block.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.synth.scene.anchors import GROUPS
from scorehoi_ros.synth.scene.contact import Touch, examine
from scorehoi_ros.synth.scene.draft import Draft
from scorehoi_ros.synth.scene.fingers import close_fingers
from scorehoi_ros.synth.scene.hands import draw_grasp, preshaped, sided
from scorehoi_ros.synth.scene.ik import solve
from scorehoi_ros.synth.scene.interactions import RECIPES, Plan, draw_interaction, draw_kind
from scorehoi_ros.synth.scene.kinds import INSTANCES, Instance, family_instance, template_of
from scorehoi_ros.synth.scene.kinematics import (
    forward,
    hand_rotation,
    matrices,
    reach_arm,
    shoulder_of,
    vectors,
)
from scorehoi_ros.synth.scene.meshes import MeshShelf
from scorehoi_ros.synth.scene.planning import BodyNow, keep_feet
from scorehoi_ros.synth.scene.shots import Made, shots
from scorehoi_ros.synth.scene.stances import varied
from scorehoi_ros.synth.scene.workshop import Workshop, open_workshop
from scorehoi_ros.synth.splits import VERSION, body_rng, scene_rng, split_id
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.threads import limited_threads
from scorehoi_ros.types import Floats

BLOCK = 128
ATTEMPTS = 4
"""A scene that fails its own checks is drawn anew this often; then the best attempt is kept."""
_ROUND = 4
"""Decimals of metres and radians that are kept, so that the last bits do not matter."""
_KEPT_BLOCKS = 4
_APART_M = 0.005


@dataclass(frozen=True)
class Source:
    """Where poses and objects come from, besides what the package brings."""

    poses: Path | None = None
    """Pose corpus; None = the small one of the package."""
    meshes: Path | None = None
    """Folder of mesh files, used for some of the objects."""


def generate(
    split: str,
    indices: Sequence[int],
    version: int = VERSION,
    source: Source | None = None,
    views: int = 1,
) -> list[SceneTruth]:
    """The truths of these numbers of a split, in this order, each as `views` cameras see it.

    The first view is the same for any number of views.  The cost is that of whole blocks of `BLOCK`; ask for
    consecutive numbers.  Raises InputError for a split that does not exist, or a pose corpus or mesh folder
    that cannot be used.
    """
    split_id(split)
    source = source or Source()
    numbers = sorted({index // BLOCK for index in indices})
    blocks = {number: _block(split, number, version, source, views)[0] for number in numbers}
    return [truth for index in indices for truth in blocks[index // BLOCK][index % BLOCK]]


def rejections(
    split: str, indices: Sequence[int], version: int = VERSION, source: Source | None = None
) -> int:
    """How many draws were thrown away while making these scenes."""
    source = source or Source()
    return sum(_block(split, index // BLOCK, version, source, 1)[1][index % BLOCK] - 1 for index in indices)


@lru_cache(maxsize=_KEPT_BLOCKS)
def _block(
    split: str, block: int, version: int, source: Source, views: int
) -> tuple[list[list[SceneTruth]], list[int]]:
    """The views of all scenes of a block, and how often each scene was drawn."""
    shop = open_workshop(split, source.poses)
    numbers = range(block * BLOCK, (block + 1) * BLOCK)
    with limited_threads(1):
        made = make_scenes(shop, split, numbers, version, source)
    truths = [
        shots(scene, _outline(shop, scene.draft), split, index, version, views)
        for index, scene in zip(numbers, made, strict=True)
    ]
    return truths, [scene.attempts for scene in made]


def make_scenes(
    shop: Workshop, split: str, numbers: Sequence[int], version: int, source: Source
) -> list[Made]:
    """Draw, solve and examine scenes; those with faults are drawn again, together."""
    best: dict[int, Made] = {}
    open_numbers = list(numbers)
    for attempt in range(ATTEMPTS):
        if not open_numbers:
            break
        drafts, touches = _attempt(shop, split, open_numbers, version, attempt, source)
        for number, draft, touch in zip(open_numbers, drafts, touches, strict=True):
            if number not in best or touch.score < best[number].touch.score:
                best[number] = Made(draft, touch, attempt + 1)
        open_numbers = [n for n, touch in zip(open_numbers, touches, strict=True) if touch.faults]
    return [best[number] for number in numbers]


def _attempt(
    shop: Workshop, split: str, numbers: Sequence[int], version: int, attempt: int, source: Source
) -> tuple[list[Draft], list[Touch]]:
    """One try at some scenes."""
    rngs = [scene_rng(version, split, number, attempt) for number in numbers]
    # the interaction does not change between attempts, or easy ones would drive out hard ones
    wishes = [draw_interaction(scene_rng(version, split, number)) for number in numbers]
    drafts = [
        _draft(shop, split, wish, rng, body_rng(version, split, number), source)
        for wish, rng, number in zip(wishes, rngs, numbers, strict=True)
    ]
    finish(shop, drafts, rngs)
    return drafts, examine(shop.layer, shop.body, drafts)


def finish(
    shop: Workshop, drafts: Sequence[Draft], rngs: Sequence[np.random.Generator], plan: Plan | None = None
) -> None:
    """From posed bodies to solved scenes, in place: plan, arms, solver, fingers, rounding.

    `plan` replaces the plans of the interactions.
    """
    settle(shop, drafts)
    for draft, posed, rng in zip(drafts, _posed(shop, drafts), rngs, strict=True):
        (plan or RECIPES[draft.interaction].plan)(draft, posed, rng)
        if draft.pinned_feet and not any(goal.group.endswith("sole") for goal in draft.goals):
            keep_feet(draft, posed)
        _open_hands(shop, draft, rng)
    chosen = [bring_arms(shop, draft) for draft in drafts]
    solve(shop.mover, drafts, chosen)
    close_fingers(shop.skin, drafts)
    for draft in drafts:
        rounded(draft)


def _draft(
    shop: Workshop,
    split: str,
    wish: str,
    rng: np.random.Generator,
    shape_rng: np.random.Generator,
    source: Source,
) -> Draft:
    """A body and an object that have not met yet."""
    recipe = RECIPES[wish]
    instance = draw_instance(split, draw_kind(wish, rng), rng, source)
    stance = "sit" if recipe.stance == "any" and rng.random() < 0.5 else "stand"
    captured, name = shop.pool.draw(stance, rng)
    local = varied(matrices(captured), rng)
    if wish == "sit_on" and stance == "stand":
        local = RECIPES["type_on"].posture(local, instance, rng)
    local = recipe.posture(local, instance, rng)
    hands = np.concatenate([sided(shop.hands.idle(rng), side) for side in ("left", "right")])
    betas = np.round(np.clip(shape_rng.normal(size=10), -2.5, 2.5), 3)
    return Draft(wish, instance, template_of(instance.spec), name, betas, local, np.zeros(3), hands)


def draw_instance(split: str, kind: str, rng: np.random.Generator, source: Source) -> Instance:
    """An object of this kind: a member of its family, or a mesh from the folder."""
    number = int(rng.integers(INSTANCES[split]))
    if source.meshes is not None:
        found = MeshShelf.of(source.meshes).draw(split, kind, rng)
        if found is not None:
            return found
    return family_instance(split, kind, number)


def settle(shop: Workshop, drafts: Sequence[Draft]) -> None:
    """Put the lowest point of each body on the floor, the pelvis above the origin."""
    points, joints = _points(shop, drafts)
    for draft, skin, joint in zip(drafts, points, joints, strict=True):
        draft.root = draft.root + np.array([-joint[0, 0], -skin[:, 1].min(), -joint[0, 2]])


def _points(shop: Workshop, drafts: Sequence[Draft]) -> tuple[Floats, Floats]:
    points, joints = shop.mover.posed(
        *(np.stack([getattr(d, name) for d in drafts]) for name in ("local", "hand_poses", "betas", "root"))
    )
    return points.double().numpy(), joints.double().numpy()


def _posed(shop: Workshop, drafts: Sequence[Draft]) -> list[BodyNow]:
    """What the planners need to know of each body."""
    points, _ = _points(shop, drafts)
    result = []
    for draft, skin in zip(drafts, points, strict=True):
        rest = shop.rest_joints(draft.betas)
        turned, place = forward(draft.local, rest, draft.root)
        groups = {name: skin[shop.mover.rows[name].numpy()] for name in GROUPS}
        arm = shoulder_of("left", turned, place)
        result.append(BodyNow(turned, place, groups, skin, arm.upper + arm.lower))
    return result


def _open_hands(shop: Workshop, draft: Draft, rng: np.random.Generator) -> None:
    """Decide how holding hands close, and open them for now."""
    for goal in draft.hands:
        if goal.fingers:
            draft.grasps[goal.side] = draw_grasp(shop.hands, goal.side, rng)
            start = 0 if goal.side == "left" else 15
            draft.hand_poses[start : start + 15] = preshaped(draft.grasps[goal.side])


def bring_arms(shop: Workshop, draft: Draft) -> dict[str, int]:
    """Bring each wished hand to its most comfortable place; returns which that was."""
    chosen = {}
    for goal in draft.hands:
        rest = shop.rest_joints(draft.betas)
        draft.local[JOINT_INDEX[f"{goal.side}_collar"]] = np.eye(3)
        turned, place = forward(draft.local, rest, draft.root)
        hands = hand_rotation(goal.facing @ draft.R_object.T, goal.thumbs @ draft.R_object.T)
        offset = shop.anchors.palm_offset[goal.side]
        # from a little outside, so that the solver does not start with an edge inside the hand
        wrists = draft.world_points(goal.points - _APART_M * goal.facing) - hands @ offset
        arm = reach_arm(shoulder_of(goal.side, turned, place), wrists, hands)
        for name, rotation in (("shoulder", arm.shoulder), ("elbow", arm.elbow), ("wrist", arm.wrist)):
            draft.local[JOINT_INDEX[f"{goal.side}_{name}"]] = rotation
        chosen[goal.side] = arm.choice
    return chosen


def rounded(draft: Draft) -> None:
    """Keep only decimals that mean something, so that the last bits of the solver do not matter."""
    draft.local = matrices(np.round(vectors(draft.local), _ROUND))
    draft.hand_poses = np.round(draft.hand_poses, _ROUND)
    draft.R_object = matrices(np.round(vectors(draft.R_object), _ROUND))
    draft.root, draft.t_object = np.round(draft.root, _ROUND), np.round(draft.t_object, _ROUND)


def _outline(shop: Workshop, draft: Draft) -> Floats:
    """(n, 3) points of body and object in the world, which a camera must see."""
    return np.concatenate([_points(shop, [draft])[0][0], draft.world_points(draft.template.points)])
