"""The licensed bodies that the truth of data sets is told in: SMPL-H and SMPL-X, posed in plain numpy.

The equations are those of SMPL (Loper et al. 2015); the files are the users' own.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.safe_pickle import load_array_pickle
from scorehoi_ros.datasets.dataset import Human
from scorehoi_ros.errors import BodyError
from scorehoi_ros.npz import Field, Layout, check_arrays, damage_told, read_npz
from scorehoi_ros.types import Floats, Ints

SMPLH_HELP = (
    "SMPL-H comes from https://mano.is.tue.mpg.de (free for research after registration, no redistribution): "
    "give the folder with SMPLH_MALE.pkl and SMPLH_FEMALE.pkl (MANO v1.2), or with <gender>/model.npz, by "
    "--body-models DIR"
)
SMPLX_HELP = (
    "SMPL-X comes from https://smpl-x.is.tue.mpg.de (free for research after registration, no "
    "redistribution): give the folder with SMPLX_MALE.npz and SMPLX_FEMALE.npz by --body-models DIR"
)
JOINTS = {"smplh": 52, "smplx": 55}
SMPLX_TO_SMPLH = np.array([*range(22), *range(25, 55)])
"""SMPL-X has jaw and eyes between body and fingers."""
EXPRESSIONS = 10
LAYOUT = Layout("a body model", "Download it again.", {}, error=BodyError)
_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
_HANDS = ("hands_meanl", "hands_meanr", "hands_componentsl", "hands_componentsr")


@dataclass(frozen=True)
class LicensedBody:
    """The arrays of one body model file."""

    kind: str
    """"smplh" or "smplx"."""
    template: Floats
    """(V, 3)"""
    shapedirs: Floats
    """(V, 3, n)"""
    posedirs: NDArray[np.float32]
    """(V * 3, 9 (J - 1))"""
    regressor: Floats
    """(J, V)"""
    weights: Floats
    """(V, J)"""
    parents: tuple[int, ...]
    faces: Ints
    hands: dict[str, Floats]
    """Means (45,) and components (45, 45), where the file has them."""

    def pose(
        self, rotations: Floats, betas: Floats, translation: Floats, expression: Floats | None = None
    ) -> Human:
        """Posed mesh and its 52 SMPL-H joints.

        `rotations` (J, 3) axis-angle relative to the parent, `betas` (n,), `translation` (3,) is added to
        everything (SMPL's `transl`: the pelvis lands on it plus its rest position).
        """
        shaped = self.template + self.shapedirs[:, :, : len(betas)] @ betas
        if expression is not None:
            shaped = shaped + self._expressions()[:, :, : len(expression)] @ expression
        joints = self.regressor @ shaped
        R = Rotation.from_rotvec(rotations).as_matrix()
        corrective = (self.posedirs @ (R[1:] - np.eye(3)).astype(np.float32).ravel()).reshape(-1, 3)
        world = np.empty((len(joints), 3, 4))
        for j, parent in enumerate(self.parents):
            if parent < 0:
                world[j] = np.column_stack([R[j], joints[j]])
                continue
            offset = world[parent, :, :3] @ (joints[j] - joints[parent]) + world[parent, :, 3]
            world[j] = np.column_stack([world[parent, :, :3] @ R[j], offset])
        position = world[:, :, 3].copy()
        world[:, :, 3] -= np.einsum("jkl,jl->jk", world[:, :, :3], joints)
        blended = np.tensordot(self.weights, world, 1)
        rest = shaped + corrective
        vertices = np.einsum("vkl,vl->vk", blended[:, :, :3], rest) + blended[:, :, 3] + translation
        position = position + translation
        return Human(vertices, self.faces, position if self.kind == "smplh" else position[SMPLX_TO_SMPLH])

    def hand(self, values: Floats, side: str) -> Floats:
        """(15, 3) axis-angle of a hand; fewer than 45 numbers are principal components on top of the mean."""
        values = np.asarray(values, np.float64).ravel()
        if len(values) == 45:
            return values.reshape(15, 3)
        mean, parts = f"hands_mean{side[0]}", f"hands_components{side[0]}"
        if mean not in self.hands or parts not in self.hands:
            raise BodyError(f"the {self.kind} file has no {parts}, which the {side} hands of the data need.")
        return np.asarray(self.hands[mean] + values @ self.hands[parts][: len(values)]).reshape(15, 3)

    def _expressions(self) -> Floats:
        first = 300 if self.shapedirs.shape[2] >= 300 + EXPRESSIONS else self.shapedirs.shape[2] - EXPRESSIONS
        return self.shapedirs[:, :, first : first + EXPRESSIONS]


def demand_bodies(folder: Path | None, kind: str) -> Path:
    """The folder of body models; raises BodyError saying where to get them when it is not there."""
    help_text = SMPLH_HELP if kind == "smplh" else SMPLX_HELP
    if folder is None:
        name = "SMPL-H" if kind == "smplh" else "SMPL-X"
        raise BodyError(
            f"the truth of this data set is told in {name}, but --body-models was not given. {help_text}."
        )
    if not folder.is_dir():
        raise BodyError(f"--body-models: there is no folder {folder}. {help_text}.")
    return folder


def find_body(folder: Path | None, kind: str, gender: str) -> Path:
    """The file of a body model in a folder or below; raises BodyError saying where to get it."""
    folder = demand_bodies(folder, kind)
    help_text = SMPLH_HELP if kind == "smplh" else SMPLX_HELP
    wanted = f"{kind.upper()}_{gender.upper()}"
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in (".npz", ".pkl") or not path.is_file():
            continue
        plain_name = path.stem.upper() == wanted
        by_folder = (
            path.name == "model.npz" and path.parent.name.lower() == gender.lower() and kind == "smplh"
        )
        if plain_name or by_folder:
            return path
    raise BodyError(f"{folder} has no {wanted}.npz or .pkl. {help_text}.")


@lru_cache(maxsize=3)
def read_body(path: Path, kind: str) -> LicensedBody:
    """The body model in a file; raises BodyError when it is unsafe, damaged or another kind of body."""
    with damage_told(path, LAYOUT):
        return _licensed(_arrays(path), path, kind)


def _licensed(arrays: dict[str, Any], path: Path, kind: str) -> LicensedBody:
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise BodyError(f"{path} lacks {', '.join(missing)}; it is not an {kind.upper()} model file.")
    joints, vertices = JOINTS[kind], len(np.atleast_1d(arrays["v_template"]))
    shapes = {
        "v_template": (vertices, 3),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, vertices),
        "weights": (vertices, joints),
        "kintree_table": (2, joints),
    }
    for name, shape in shapes.items():
        if np.shape(arrays[name]) != shape:
            raise BodyError(
                f"{path}: {name} has shape {np.shape(arrays[name])}, expected {shape} for {kind.upper()}. "
                "Choose the file of the right body model."
            )
    check_arrays({name: np.asarray(array) for name, array in arrays.items()}, _fields(kind))
    parents, faces = np.asarray(arrays["kintree_table"])[0].astype(np.int64), np.asarray(arrays["f"])
    if (parents[1:] < 0).any() or (parents[1:] >= np.arange(1, joints)).any():
        raise ValueError("kintree_table does not name the parent of a joint before the joint")
    if faces.size and (faces.min() < 0 or faces.max() >= vertices):
        raise ValueError(f"f must index the {vertices} vertices")
    return LicensedBody(
        kind,
        np.asarray(arrays["v_template"], np.float64),
        np.asarray(arrays["shapedirs"], np.float64),
        np.ascontiguousarray(arrays["posedirs"], np.float32).reshape(3 * vertices, -1),
        np.asarray(arrays["J_regressor"], np.float64),
        np.asarray(arrays["weights"], np.float64),
        (-1, *(int(p) for p in parents[1:])),
        faces.astype(np.int32),
        {name: np.asarray(arrays[name], np.float64) for name in _HANDS if name in arrays},
    )


def _fields(kind: str) -> dict[str, Field]:
    joints = JOINTS[kind]
    hands = {name: ("*", 45) if "components" in name else (45,) for name in _HANDS}
    return {
        "v_template": Field("f", ("vertices", 3)),
        "shapedirs": Field("f", ("vertices", 3, "*")),
        "posedirs": Field("f", ("vertices", 3, 9 * (joints - 1))),
        "J_regressor": Field("f", (joints, "vertices")),
        "weights": Field("f", ("vertices", joints)),
        "kintree_table": Field("iu", (2, joints)),
        "f": Field("iu", ("*", 3)),
    } | {name: Field("f", shape, needed=False) for name, shape in hands.items()}


def licensed_body(folder: Path | None, kind: str, gender: str) -> LicensedBody:
    """`read_body` of `find_body`."""
    return read_body(find_body(folder, kind, gender), kind)


def _arrays(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    if path.suffix.lower() == ".pkl":
        return load_array_pickle(content, str(path))
    return read_npz(path, LAYOUT, only=(*_KEYS, *_HANDS), content=content)
