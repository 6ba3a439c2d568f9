"""The reader of .npz files: what it gives back, and one clear error, whatever is wrong with a file."""

import io
import logging
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scorehoi_ros import npz
from scorehoi_ros.assets import model_file
from scorehoi_ros.body.load import load_body
from scorehoi_ros.datasets import synhoi
from scorehoi_ros.datasets.bodies import read_body
from scorehoi_ros.datasets.files import read_npz as read_published
from scorehoi_ros.errors import BodyError, InputError, ScorehoiError
from scorehoi_ros.geometry.sdf import sample
from scorehoi_ros.interaction import pose_prior
from scorehoi_ros.io.npz import arrays_of, load_label, save_label
from scorehoi_ros.npz import Field, Layout, read_npz, write_npz
from scorehoi_ros.objects import cache as templates
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth import produce
from scorehoi_ros.synth.scene import hands, poses
from scorehoi_ros.synth.storage import read_shard, write_shard
from scorehoi_ros.synth.truth import pack
from scorehoi_ros.types import Landmarks, Masks
from tests import npz_mutations
from tests.body_cases import made_up_smplh
from tests.dataset_folders import smplx_arrays
from tests.reconstructions import pair
from tests.synth_scenes import body, scene, template

LAYOUT = Layout("a test", "Make it again.", {"a": Field("f", ("n", 3)), "b": Field("iu", ("n",))})
SOUND = {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(2)}
FAST = 9
"""Damaged files of each kind in a test."""
TOLD = {"split": "test", "size": 96}


def in_file(tmp_path: Path, arrays: dict[str, Any] | bytes) -> Path:
    path = tmp_path / "x.npz"
    path.write_bytes(arrays if isinstance(arrays, bytes) else npz_mutations.packed(arrays))
    return path


def test_equal_arrays_give_equal_bytes_on_any_day(tmp_path: Path) -> None:
    paths = tmp_path / "one.npz", tmp_path / "two.npz"
    for path, names in zip(paths, ("ab", "ba"), strict=True):
        write_npz(path, {name: SOUND[name] for name in names}, level=6, stored=("b",))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with zipfile.ZipFile(paths[0]) as archive:
        assert [(i.filename, i.compress_type, i.date_time[0]) for i in archive.infolist()] == [
            ("a.npy", zipfile.ZIP_DEFLATED, 1980),
            ("b.npy", zipfile.ZIP_STORED, 1980),
        ]
    assert {n: a.tolist() for n, a in read_npz(paths[0], LAYOUT).items()} == {
        n: a.tolist() for n, a in SOUND.items()
    }


def test_arrays_come_back_as_they_are(tmp_path: Path) -> None:
    arrays = {
        "text": np.array(["a", "längst"]),
        "none": np.empty((0, 3)),
        "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "big": np.arange(3, dtype=">f4"),
        "empty": np.array([], dtype="U"),
        "flag": np.array(True),
    }
    read = read_npz(in_file(tmp_path, arrays), Layout("a test", "", {}))
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].shape == array.shape and read[name].flags.writeable
        assert read[name].dtype == array.dtype.newbyteorder("=")
    assert read_npz(in_file(tmp_path, SOUND), LAYOUT, only=["b"]).keys() == {"b"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"a": None}, "it has no 'a'; it has b"),
        ({"a": np.zeros((2, 4))}, r"a has shape \(2, 4\), expected \(2, 3\)"),
        ({"b": np.zeros(3, int)}, r"b has shape \(3,\), expected \(2\)"),
        ({"b": np.zeros(2)}, "b is of type float64, expected whole numbers"),
        ({"a": np.full((2, 3), np.nan)}, "a has values that are not finite"),
        ({"a": np.array([None, 1])}, "objects are never loaded"),
        ({"a": np.zeros(2, [("x", "f8")])}, "objects are never loaded"),
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of git-lfs.*git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "HTML page"),
        (b"\x93NUMPY\x01\0", "a single numpy array"),
        (b"\0" * 1000, "zero bytes"),
        (b"hello", "not a zip file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, change: dict[str, Any] | bytes, said: str) -> None:
    wrong: dict[str, Any] | bytes = change
    if isinstance(change, dict):
        wrong = {name: array for name, array in (SOUND | change).items() if array is not None}
    with pytest.raises(InputError, match=rf"x\.npz cannot be read as a test: .*{said}") as caught:
        read_npz(in_file(tmp_path, wrong), LAYOUT)
    assert str(caught.value).endswith("Make it again.")


def test_names_and_versions_are_told_in_plain_letters(tmp_path: Path) -> None:
    told = Layout("a test", "Make it again.", {}, ("version", "v1"))
    for arrays, layout, said in (
        ({"a\1b": np.zeros(1)}, LAYOUT, "it has a?b"),
        ({"x" * 900: np.zeros(1)}, LAYOUT, "has " + "x" * 80 + "."),
        ({"version": np.array("v\1" + "2" * 900)}, told, "of version v?222"),
    ):
        with pytest.raises(InputError) as caught:
            read_npz(in_file(tmp_path, arrays), layout)
        assert said in str(caught.value) and str(caught.value).isprintable() and len(str(caught.value)) < 500


def test_sizes_are_compared_before_anything_is_allocated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bomb, a claim of more than the file can hold, and a header that claims more than its member has."""
    path = in_file(tmp_path, {"a": np.zeros(1 << 18)})
    monkeypatch.setattr(npz, "LARGEST", 1 << 20)
    with pytest.raises(InputError, match="its arrays have 2 MiB, expected at most 1"):
        read_npz(path, LAYOUT)
    lying = bytearray(npz_mutations.packed(SOUND))
    at = lying.index(b"PK\x01\x02") + 24
    lying[at : at + 4] = (1 << 30).to_bytes(4, "little")
    with pytest.raises(InputError, match="claims more bytes than can be in the file"):
        read_npz(in_file(tmp_path, bytes(lying)), LAYOUT)
    monkeypatch.setattr(npz, "MOST_MEMBERS", 1)
    with pytest.raises(InputError, match="2 members"):
        read_npz(in_file(tmp_path, SOUND), LAYOUT)


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO(npz_mutations.packed(SOUND))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a.npy", b"")
    with pytest.raises(InputError, match="two arrays of one name"):
        read_npz(in_file(tmp_path, buffer.getvalue()), LAYOUT)


def test_nothing_else_in_the_package_reads_npz() -> None:
    package = Path(npz.__file__).parent
    others = [p for p in package.rglob("*.py") if "np.load(" in p.read_text()]
    assert not others


@cache
def sound(kind: str) -> bytes:
    """A sound file of each kind."""
    if kind in SHIPPED:
        return model_file(SHIPPED[kind]).read_bytes()
    buffer = io.BytesIO()
    if kind == "smplh":
        np.savez(buffer, **made_up_smplh())
    if kind == "licensed":
        np.savez(buffer, **smplx_arrays())
    if kind == "published":
        np.savez(buffer, poses=np.zeros((4, 156)), frame_times=np.array(["t0", "t1", "t2", "t3"]))
    if kind == "label":
        np.savez_compressed(buffer, **arrays_of(pair()))
    if kind == "truths":
        np.savez_compressed(buffer, **pack([scene(k) for k in range(3)]))
    return buffer.getvalue()


SHIPPED = {
    "body": "body_anny.npz",
    "poses": poses.COMMITTED,
    "prior": poses.COMMITTED,
    "hands": hands.COMMITTED,
}


def use_label(path: Path) -> None:
    save_label(path.with_name("again.npz"), load_label(path))


def use_prior(path: Path) -> None:
    pose_prior._read_corpus(path)


def use_published(path: Path) -> None:
    fields = {"poses": Field("f", ("frames", 156)), "frame_times": Field("U", ("frames",))}
    read_published(path, fields, "parameters")


def use_shard(path: Path) -> None:
    shard = read_shard(path)
    assert [shard.example(row).truth.key for row in range(len(shard))]


READERS: dict[str, Callable[[Path], object]] = {
    "body": load_body,
    "smplh": load_body,
    "licensed": lambda path: read_body.__wrapped__(path, "smplx"),
    "poses": poses.read_corpus,
    "prior": use_prior,
    "hands": hands.read_hands,
    "label": use_label,
    "truths": synhoi.read_truths,
    "published": use_published,
}


def told_in_words(use: Callable[[Path], object], path: Path, content: bytes) -> bool:
    """Whether a damaged file is refused; fails when it is refused in another way than by a clear error."""
    path.write_bytes(content)
    try:
        use(path)
    except ScorehoiError as error:
        assert isinstance(error, InputError | BodyError)
        assert str(path.name) in str(error) and len(str(error)) > 60
        return True
    return False


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind == "smplh" else ()) for kind in READERS]
)
@pytest.mark.filterwarnings("ignore")
def test_damage_is_one_clear_error(kind: str, tmp_path: Path) -> None:
    whole = sound(kind)
    assert not told_in_words(READERS[kind], tmp_path / "x.npz", whole)
    refused = [
        told_in_words(READERS[kind], tmp_path / "x.npz", npz_mutations.mutated(whole, seed))
        for seed in range(FAST)
    ]
    assert sum(refused) > FAST / 2


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_shard_is_made_again(tmp_path: Path) -> None:
    """What `synth --resume` asks never fails, and a shard that counts as kept can be read to the end."""
    path, job = tmp_path / "x.npz", produce.Job("x.npz", 0, 2)
    made = [produce.observed(scene(k), body(), template(), None, 96) for k in range(2)]
    write_shard(path, made, TOLD | {"job": [0, 2]})
    whole = path.read_bytes()
    assert produce.kept(path, job, TOLD)
    kept = 0
    for seed in range(3 * FAST):
        content = npz_mutations.mutated(whole, seed)
        told_in_words(use_shard, path, content)
        if produce.kept(path, job, TOLD):
            use_shard(path)
            kept += 1
    assert kept < FAST


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_template_cache_never_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    built = load_template("box:0.3x0.2x0.1")
    path = next(templates.cache_file("x").parent.glob("*.npz"))
    whole = path.read_bytes()
    with caplog.at_level(logging.WARNING):
        for seed in range(FAST):
            path.write_bytes(npz_mutations.mutated(whole, seed))
            read = templates.read_cached(path.stem)
            if read is not None:
                assert read[0].template_id == built.template_id
                assert np.isfinite(sample(read[0].sdf, built.points)).all()
    assert load_template("box:0.3x0.2x0.1").template_id == built.template_id
    assert len(caplog.records) > FAST / 2 and "is built again" in caplog.text
    shorter = {
        n: a.astype(np.float16) if n.startswith("sdf_o") else a
        for n, a in npz_mutations.arrays_in(whole).items()
    }
    path.write_bytes(npz_mutations.packed(shorter))
    assert np.isfinite(sample(load_template("box:0.3x0.2x0.1").sdf, built.points)).all()
    path.unlink()
    path.mkdir()
    assert load_template("box:0.3x0.2x0.1").template_id == built.template_id


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_picture_is_none(tmp_path: Path) -> None:
    rgb, plane = np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), bool)
    marks = Landmarks(np.zeros((75, 2)), np.zeros((75, 3)), np.ones(75))
    truth, path = replace(scene(), width=64, height=48), tmp_path / "x.npz"
    synhoi.write_picture(path, synhoi.Picture(rgb, plane, plane, Masks(plane, None), marks))
    whole = path.read_bytes()
    assert synhoi.read_picture(path, truth) is not None
    damaged = 0
    for seed in range(FAST):
        path.write_bytes(npz_mutations.mutated(whole, seed))
        damaged += synhoi.read_picture(path, truth) is None
    assert damaged > FAST / 2
