"""Small folders in the layouts of BEHAVE, InterCap and IMHD2, with made-up people, objects and pictures."""

import json
import pickle
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.load import free_body
from scorehoi_ros.geometry.camera import intrinsics
from tests.body_cases import made_up_smplh

WIDTH, HEIGHT = 128, 96
UPRIGHT = Rotation.from_euler("x", np.pi).as_rotvec()
BOX_CORNERS = np.array([[x, y, z] for x in (0.1, 0.5) for y in (0.0, 0.3) for z in (-0.2, 0.1)])
_QUADS = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
BOX_FACES = np.array([half for a, b, c, d in _QUADS for half in ((a, b, c), (a, c, d))])


@cache
def body_arrays() -> dict[str, np.ndarray]:
    """A made-up SMPL-H whose vertices are few enough to be quick: those of the tests of the body."""
    return made_up_smplh()


@cache
def smplx_arrays() -> dict[str, np.ndarray]:
    """A made-up SMPL-X: 55 joints, jaw and eyes on the head, 600 vertices."""
    rng, body = np.random.default_rng(3), free_body()
    order = [*range(22), 15, 15, 15, *range(22, 52)]
    joints = body.joints_template.astype(np.float64)[order]
    old = np.array([*range(22), -1, -1, -1, *range(25, 55)])
    place = {o: i for i, o in enumerate(old) if o >= 0}
    parents = [-1] + [int(p) for p in body.parents[1:22]] + [15, 15, 15]
    parents += [p if p < 22 else place.get(p + 3, p + 3) for p in (int(v) for v in body.parents[22:52])]
    owner = np.arange(600) % 55
    weights = np.zeros((600, 55))
    weights[np.arange(600), owner] = 1.0
    return {
        "v_template": joints[owner] + rng.normal(0, 0.02, (600, 3)),
        "shapedirs": rng.normal(0, 0.01, (600, 3, 20)),
        "posedirs": rng.normal(0, 0.001, (600, 3, 486)),
        "J_regressor": (owner == np.arange(55)[:, None]) / np.bincount(owner)[:, None],
        "weights": weights,
        "kintree_table": np.array([[2**32 - 1, *parents[1:]], range(55)], np.int64),
        "f": rng.integers(0, 600, (800, 3)),
        "hands_meanl": rng.normal(0, 0.1, 45),
        "hands_meanr": rng.normal(0, 0.1, 45),
        "hands_componentsl": np.eye(45),
        "hands_componentsr": np.eye(45),
    }


def write_bodies(folder: Path) -> Path:
    """Body model files under their published names."""
    (folder / "neutral").mkdir(parents=True)
    np.savez(folder / "SMPLH_MALE.npz", **body_arrays())
    np.savez(folder / "neutral" / "model.npz", **body_arrays())
    np.savez(folder / "SMPLX_FEMALE.npz", **smplx_arrays())
    return folder


def write_picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    cv2.imwrite(str(path), cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (WIDTH, HEIGHT)))


def write_mask(path: Path, left: int, right: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20:70, left:right] = 255
    cv2.imwrite(str(path), mask)


def write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_pickle(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, protocol=2))


def write_mesh(path: Path) -> None:
    """A box off its origin, as .ply or .obj text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".obj":
        rows = [f"v {x} {y} {z}" for x, y, z in BOX_CORNERS]
        rows += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in BOX_FACES]
    else:
        rows = ["ply", "format ascii 1.0", f"element vertex {len(BOX_CORNERS)}"]
        rows += [f"property float {c}" for c in "xyz"]
        rows += [f"element face {len(BOX_FACES)}", "property list uchar int vertex_indices", "end_header"]
        rows += [f"{x} {y} {z}" for x, y, z in BOX_CORNERS] + [f"3 {a} {b} {c}" for a, b, c in BOX_FACES]
    path.write_text("\n".join(rows) + "\n")


def motion(seed: int) -> dict[str, np.ndarray]:
    """Parameters of one frame: somebody upright, 3 m away, with an object 2.7 m away."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.2, (52, 3))
    pose[0] = UPRIGHT
    return {
        "pose": pose.ravel(),
        "betas": rng.normal(0, 1, 10),
        "trans": np.array([0.1, 0.2, 3.0]),
        "angle": rng.normal(0, 0.5, 3),
        "object_trans": np.array([0.2, 0.1, 2.7]),
    }


def kinect(k: list[float]) -> dict:
    return {"color": {"fx": 90.0, "fy": 91.0, "cx": 63.0, "cy": 47.0, "width": WIDTH, "height": HEIGHT,
                      "opencv": [90.0, 91.0, 63.0, 47.0, *k]}}  # fmt: skip


def write_behave(
    root: Path, name: str = "Date03_Sub03_chairwood", cat: str = "chairwood", frames: int = 2
) -> Path:
    """Key frames of one sequence of the test split."""
    write_json(root / "split.json", {"train": [], "test": [name]})
    write_json(root / "calibs/intrinsics/1/calibration.json", kinect([0.0] * 8))
    config = {"rotation": np.eye(3).ravel().tolist(), "translation": [0.0, 0.0, 0.0]}
    write_json(root / "calibs/Date03/config/1/config.json", config)
    sequence = root / "sequences" / name
    info = {"config": "../../calibs/Date03/config", "intrinsic": "../../calibs/intrinsics", "cat": cat,
            "gender": "male", "empty": None, "kinects": [0, 1, 2, 3], "beta": None}  # fmt: skip
    write_json(sequence / "info.json", info)
    suffix = "f2500" if "chair" in cat else "f1000"
    write_mesh(root / "objects" / cat / f"{cat}_{suffix}.ply")
    for i in range(frames):
        folder, values = sequence / f"t{3 + i:04d}.000", motion(i)
        write_picture(folder / "k1.color.jpg", i)
        write_mask(folder / "k1.person_mask.jpg", 30, 70)
        write_mask(folder / "k1.obj_rend_mask.jpg", 60, 90)
        person = {n: values[n] for n in ("pose", "betas", "trans")} | {"score": np.float64(0.5)}
        write_pickle(folder / "person/fit02/person_fit.pkl", person)
        thing = "chair" if "chair" in cat else cat
        fit = {"angle": values["angle"], "trans": values["object_trans"]}
        write_pickle(folder / thing / "fit01" / f"{thing}_fit.pkl", fit)
    return root


def write_behave_video(root: Path, name: str = "Date03_Sub03_chairwood", part: str = "") -> Path:
    """30 fps registrations of the sequence of `write_behave`, whose pictures serve two of the four frames."""
    write_behave(root, name)
    folder = root / "behave-30fps-params-v1" / (name + part)
    write_json(folder / "info.json", json.loads((root / "sequences" / name / "info.json").read_text()))
    rows, times = [motion(i) for i in range(4)], ["t0003.000", "t0003.033", "t0004.000", "t0004.033"]
    np.savez(
        folder / "smpl_fit_all.npz",
        poses=np.stack([r["pose"] for r in rows]).astype(np.float32),
        betas=np.stack([r["betas"] for r in rows]).astype(np.float32),
        trans=np.stack([r["trans"] for r in rows]).astype(np.float32),
        frame_times=np.array(times),
        gender=np.array("male"),
    )
    np.savez(
        folder / "object_fit_all.npz",
        angles=np.stack([r["angle"] for r in rows[:3]]).astype(np.float32),
        trans=np.stack([r["object_trans"] for r in rows[:3]]).astype(np.float32),
        frame_times=np.array(times[:3]),
    )
    return root


def intercap_rows(frames: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    sizes = {"betas": 10, "body_pose": 63, "left_hand_pose": 12, "right_hand_pose": 12, "jaw_pose": 3,
             "leye_pose": 3, "reye_pose": 3, "expression": 10, "ob_pose": 3}  # fmt: skip
    rows = {name: rng.normal(0, 0.2, (frames, size)).astype(np.float32) for name, size in sizes.items()}
    rows["global_orient"] = np.tile(UPRIGHT, (frames, 1))
    rows["transl"] = np.tile([0.0, 0.1, 3.0], (frames, 1))
    rows["ob_trans"] = np.tile([0.0, 0.0, 2.6], (frames, 1))
    return rows


def write_intercap(root: Path, subject: str = "09", thing: str = "03", frames: int = 2) -> Path:
    """One segment of a subject of the test split."""
    place = Path(subject) / thing / "Seg_0"
    write_pickle(root / "Res" / place / "res.pkl", intercap_rows(frames))
    for i in range(frames):
        write_picture(root / "RGBD_Images" / place / "Frames_Cam1" / "color" / f"{i:05d}.jpg", i)
    write_mesh(root / "objs" / f"{thing}.ply")
    calibration = {"c": [63.0, 47.0], "f": [90.0, 91.0], "k": [0.1, -0.2, 0.001, 0.0, 0.05, 0.0, 0.0, 0.0],
                   "R": [0.0, 0.0, 0.0], "T": [0.0, 0.0, 0.0]}  # fmt: skip
    write_json(root / "Data/calibration_second/Color.json", calibration)
    return root


def write_imhd(root: Path) -> Path:
    """One part of three frames, from frame 10 of its video; the world is turned and moved."""
    date, segment, sequence = "20230825", "20230825_af_bat", "swing1"
    rows = [motion(i) for i in range(3)]
    R, t = camera_pose()
    values = {
        "smplPose": np.stack([r["pose"][:66] for r in rows]),
        "smplHandPose": np.stack([r["pose"][66:] for r in rows]),
        "smplShape": np.tile(np.r_[rows[0]["betas"], np.ones(6)], (3, 1)),
        "smplTrans": np.stack([(r["trans"] - t) @ R for r in rows]),
        "objectRot": np.stack([r["angle"] for r in rows]),
        "objectTrans": np.stack([(r["object_trans"] - t) @ R for r in rows]),
    }
    place = Path(date) / segment / sequence
    write_pickle(root / "ground_truth" / place / "gt_0_10_12.pkl", values)
    color = {"fx": 2700.0, "fy": 2730.0, "cx": 1890.0, "cy": 1410.0}
    write_json(root / "calibrations" / date / "intrin.json", {"color": color})
    extrinsic = {"rotation": R.ravel().tolist(), "translation": t.tolist()}
    write_json(root / "calibrations" / date / "extrin.json", extrinsic)
    write_mesh(root / "object_templates/baseball/baseball_simplified_transformed.obj")
    for n in (10, 12):
        write_picture(root / "video_release" / place / "data2" / f"{n:06d}.jpg", n)
    return root


def camera_pose() -> tuple[np.ndarray, np.ndarray]:
    """World -> camera of `write_imhd`."""
    return Rotation.from_rotvec([0.0, 0.4, 0.0]).as_matrix(), np.array([0.3, -0.1, 0.5])


def camera_matrix() -> np.ndarray:
    return intrinsics(90.0, 91.0, 63.0, 47.0)
