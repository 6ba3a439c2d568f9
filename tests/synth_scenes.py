"""Hand-made scene truths: a person at 3 m with a box before the belly, on a floor below the feet."""

from dataclasses import replace
from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.geometry.camera import intrinsics
from scorehoi_ros.geometry.rigid import make_transform
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.synth.picture.posed import pose_bodies
from scorehoi_ros.synth.truth import SceneTruth
from tests.synthetic import FACING, holding_pose

SPEC = "box:width=0.3,height=0.25,depth=0.25"


@cache
def body() -> BodyModel:
    return load_body()


@cache
def template() -> ObjectTemplate:
    return load_template(SPEC)


def scene(number: int = 0, ahead: float = 0.3, key: str | None = None) -> SceneTruth:
    """`ahead` metres from the pelvis to the box, towards the camera; negative = behind the person."""
    pose = holding_pose(body())
    pose[0] = Rotation.from_matrix(FACING).as_rotvec()
    root = np.array([0.1 * (number % 3 - 1), 0.1, 3.0])
    T = make_transform(FACING, root + [0.0, -0.15, -ahead])
    truth = SceneTruth(
        key=key or f"test/{number:06d}",
        seed=number,
        split="test",
        interaction="carry_two_hands" if number % 2 == 0 else "none",
        object_spec=SPEC,
        pose_source="made by hand",
        betas=np.zeros(10),
        pose=pose,
        root=root,
        T_cam_object=T,
        K=intrinsics(420.0, 420.0, 159.5, 119.5),
        width=320,
        height=240,
        floor_normal=np.array([0.0, -1.0, 0.0]),
        floor_offset=0.0,
        human_contact=np.arange(431) < 20 * (number % 2 == 0),
        object_contact=np.arange(64) < 10 * (number % 2 == 0),
        floor_contact=np.zeros(64, bool),
    )
    vertices, _ = pose_bodies([truth], body())
    return replace(truth, floor_offset=-float(vertices[0][:, 1].max()))
