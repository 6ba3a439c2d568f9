"""The values that travel between stages: frozen, typed, in metres, in the camera's optical frame.

Frames and names follow `docs/conventions.md`: camera optical frame x right, y down, z forward (REP 103);
`T_dst_src` maps points of `src` into `dst`.  Arrays are numpy and must not be written to.
"""

from scorehoi_ros.types.arrays import (
    CONTACT_DISTANCE_M,
    NUM_BETAS,
    NUM_HUMAN_TOKENS,
    NUM_JOINTS,
    NUM_LANDMARKS,
    NUM_OBJECT_POINTS,
    Bools,
    Floats,
    Ints,
)
from scorehoi_ros.types.inputs import (
    Box,
    Camera,
    ChosenBy,
    Frame,
    Hint,
    HumanObservation,
    Landmarks,
    Masks,
    Model,
    Prompt,
    Region,
    Trail,
)
from scorehoi_ros.types.results import (
    Contacts,
    Estimate,
    Floor,
    HumanPose,
    HumanState,
    ObjectPose,
    ObjectState,
    Reconstruction,
    Status,
)

__all__ = [
    "Bools",
    "Box",
    "CONTACT_DISTANCE_M",
    "Camera",
    "ChosenBy",
    "Contacts",
    "Estimate",
    "Floats",
    "Floor",
    "Frame",
    "Hint",
    "HumanObservation",
    "HumanPose",
    "HumanState",
    "Ints",
    "Landmarks",
    "Masks",
    "Model",
    "NUM_BETAS",
    "NUM_HUMAN_TOKENS",
    "NUM_JOINTS",
    "NUM_LANDMARKS",
    "NUM_OBJECT_POINTS",
    "ObjectPose",
    "ObjectState",
    "Prompt",
    "Reconstruction",
    "Region",
    "Status",
    "Trail",
]
