"""Postures made from captured ones: bent, squatting, sitting, leaning, and small variations."""

import numpy as np

from scorehoi_ros.body.skeleton import JOINT_INDEX, SIDES
from scorehoi_ros.synth.scene.kinematics import about
from scorehoi_ros.types import Floats

_LIMBS = ("hip", "knee", "ankle")
_MOST_DORSIFLEXION = 0.6


def varied(local: Floats, rng: np.random.Generator, scale: float = 0.04) -> Floats:
    """Local rotations (22, 3, 3) with small random turns of spine, head and arms."""
    result = local.copy()
    for name in ("spine1", "spine2", "spine3", "neck", "head"):
        _turn(result, name, rng.normal(scale=scale, size=3))
    for side in SIDES:
        for name in ("collar", "shoulder", "elbow", "wrist"):
            _turn(result, f"{side}_{name}", rng.normal(scale=2 * scale, size=3))
    return result


def _turn(local: Floats, name: str, vector: Floats) -> None:
    joint = JOINT_INDEX[name]
    x, y, z = (about(axis, float(angle)) for axis, angle in zip("xyz", vector, strict=True))
    local[joint] = local[joint] @ x @ y @ z


def crouched(local: Floats, rng: np.random.Generator, low: float, squat: float) -> Floats:
    """Bend down: `low` 0..1 how far, `squat` 0..1 with the knees rather than with the back.

    The soles stay level: ankle = hip - pelvis pitch - knee, heels rise where ankles cannot bend further.
    """
    result = local.copy()
    pitch = low * (1.05 - 0.55 * squat)
    hip = low * (1.35 + 0.55 * squat)
    knee = low * (0.25 + 1.75 * squat)
    ankle = max(hip - pitch - knee, -_MOST_DORSIFLEXION)
    spread = rng.uniform(0.05, 0.22)
    result[0] = about("y", float(rng.normal(scale=0.05))) @ about("x", pitch)
    for side in SIDES:
        out = spread if side == "left" else -spread
        noise = rng.normal(scale=0.05)
        result[JOINT_INDEX[f"{side}_hip"]] = (
            about("y", out) @ about("x", -(hip + noise)) @ about("z", 0.4 * out)
        )
        result[JOINT_INDEX[f"{side}_knee"]] = about("x", max(knee + noise, 0.05))
        result[JOINT_INDEX[f"{side}_ankle"]] = about("x", ankle)
        result[JOINT_INDEX[f"{side}_foot"]] = np.eye(3)
    bend = low * rng.uniform(0.1, 0.3)
    for name in ("spine1", "spine2", "spine3"):
        result[JOINT_INDEX[name]] = about("x", bend / 1.5) @ about("y", float(rng.normal(scale=0.04)))
    for name in ("neck", "head"):
        result[JOINT_INDEX[name]] = about("x", -0.15 * low)
    return result


def seated(local: Floats, rng: np.random.Generator) -> Floats:
    """Sit: thighs about level, shanks about upright, the trunk a little forward or back; arms are kept."""
    result = local.copy()
    pitch, hip = rng.uniform(-0.2, 0.35), rng.uniform(1.4, 1.65)
    spread = rng.uniform(0.02, 0.3)
    result[0] = about("x", pitch)
    for side in SIDES:
        out = spread if side == "left" else -spread
        knee = float(np.clip(hip + rng.normal(scale=0.22), 0.7, 2.0))
        result[JOINT_INDEX[f"{side}_hip"]] = about("y", out) @ about("x", -(hip + pitch))
        result[JOINT_INDEX[f"{side}_knee"]] = about("x", knee)
        result[JOINT_INDEX[f"{side}_ankle"]] = about("x", float(np.clip(hip - knee, -0.4, 0.5)))
        result[JOINT_INDEX[f"{side}_foot"]] = np.eye(3)
    for name in ("spine1", "spine2", "spine3"):
        result[JOINT_INDEX[name]] = about("x", rng.uniform(-0.02, 0.14)) @ about(
            "z", float(rng.normal(scale=0.03))
        )
    return result


def leaning(local: Floats, pitch: float) -> Floats:
    """Tilt the trunk forward at the hips by radians, legs and feet as they are."""
    result = local.copy()
    result[0] = about("x", pitch) @ result[0]
    for side in SIDES:
        hip = JOINT_INDEX[f"{side}_hip"]
        result[hip] = about("x", -pitch) @ result[hip]
    return result
