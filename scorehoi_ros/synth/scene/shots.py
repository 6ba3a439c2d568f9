"""Finished scenes before cameras: each view is a truth of its own."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.geometry.rigid import make_transform
from scorehoi_ros.synth.scene.camera import View, draw_view
from scorehoi_ros.synth.scene.contact import Touch
from scorehoi_ros.synth.scene.draft import Draft
from scorehoi_ros.synth.scene.kinematics import vectors
from scorehoi_ros.synth.splits import split_id
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Floats

_SEEDS_OF_A_VIEW = 10**12
"""Between the seeds of two views of a scene; more than all seeds of single scenes and sequences."""


@dataclass(frozen=True)
class Made:
    """One finished scene before the camera."""

    draft: Draft
    touch: Touch
    attempts: int
    """How often it was drawn."""


def shots(made: Made, outline: Floats, split: str, index: int, version: int, views: int) -> list[SceneTruth]:
    """Scene `index` of a split as `views` cameras see it, each with a seed of its own for looks and errors.

    `outline` (n, 3) are its points in the world.  The first view is the same for any number of views.
    """
    first = (version * 10 + split_id(split)) * 10**9 + index
    truths = []
    for number in range(views):
        again = [number] if number else []
        rng = np.random.default_rng([version, split_id(split), index, 31, *again])
        # no further slash: that is for frames of sequences, which share their looks
        key = f"{split}/{index:06d}" + "".join(f"-v{n}" for n in again)
        seed = first + number * _SEEDS_OF_A_VIEW
        truths.append(truth_of(made.draft, made.touch, draw_view(outline, split, rng), key, seed, split))
    return truths


def truth_of(draft: Draft, touch: Touch, view: View, key: str, seed: int, split: str) -> SceneTruth:
    """A finished scene as a camera sees it."""
    R, t = view.R_cam_world, view.t_cam_world
    local = draft.local.copy()
    local[0] = R @ local[0]
    up = R[:, 1]
    return SceneTruth(
        key=key,
        seed=seed,
        split=split,
        interaction=draft.interaction,
        object_spec=draft.instance.spec,
        pose_source=draft.pose_source,
        betas=draft.betas,
        pose=np.concatenate([vectors(local), draft.hand_poses]),
        root=R @ draft.root + t,
        T_cam_object=make_transform(R @ draft.R_object, R @ draft.t_object + t),
        K=view.K,
        width=view.width,
        height=view.height,
        floor_normal=up,
        floor_offset=float(up @ t),
        human_contact=touch.human,
        object_contact=touch.object,
        floor_contact=touch.floor,
    )
