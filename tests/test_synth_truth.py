"""Packing of scene truths."""

import io
from dataclasses import fields

import numpy as np
import pytest

from scorehoi_ros.errors import InputError
from scorehoi_ros.synth.truth import SceneTruth, pack, unpack


def made_up(seed: int) -> SceneTruth:
    """A truth of random numbers."""
    rng = np.random.default_rng(seed)
    return SceneTruth(
        key=f"test/{seed:06d}",
        seed=seed,
        split="test",
        interaction="hug",
        object_spec="ball:diameter=0.22",
        pose_source="cmu_09_12" + "/mirrored" * (seed % 2),
        betas=rng.normal(size=10),
        pose=rng.normal(size=(52, 3)),
        root=rng.normal(size=3),
        T_cam_object=rng.normal(size=(4, 4)),
        K=rng.normal(size=(3, 3)),
        width=640,
        height=480,
        floor_normal=rng.normal(size=3),
        floor_offset=float(rng.normal()),
        human_contact=rng.random(431) < 0.2,
        object_contact=rng.random(64) < 0.2,
        floor_contact=rng.random(64) < 0.2,
    )


def test_packed_truths_come_back_equal_from_a_file() -> None:
    truths = [made_up(k) for k in range(3)]
    file = io.BytesIO()
    np.savez(file, **pack(truths))
    file.seek(0)
    with np.load(file, allow_pickle=False) as data:
        again = unpack(data)
    for one, other in zip(truths, again, strict=True):
        for field in fields(SceneTruth):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_no_truths() -> None:
    assert unpack(pack([])) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("pose", None, "it has no 'pose'"),
        ("pose", np.zeros((2, 24, 3)), "pose has shape"),
        ("key", np.array(["a"]), "has shape"),
        ("seed", np.array([0.5, 1.5]), "seed"),
    ],
)
def test_damaged_arrays_are_named(name: str, value: np.ndarray | None, said: str) -> None:
    arrays = pack([made_up(k) for k in range(2)])
    if value is None:
        del arrays[name]
    else:
        arrays[name] = value
    with pytest.raises(InputError, match=said):
        unpack(arrays)
