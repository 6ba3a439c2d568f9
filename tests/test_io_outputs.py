"""Label files and videos: what is written is read back; damage and unsafe files are refused."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.io.npz import load_label, save_label
from scorehoi_ros.io.video.writer import fit_picture, mp4_file
from scorehoi_ros.types import Reconstruction, Status
from tests.reconstructions import EVERY_CASE, both_lost, human_only, nobody, object_only, pair, two_of_each


def assert_equal(a: Any, b: Any, path: str = "") -> None:
    assert type(a) is type(b) or not is_dataclass(a), path
    if is_dataclass(a):
        for f in fields(a):
            assert_equal(getattr(a, f.name), getattr(b, f.name), f"{path}.{f.name}")
    elif isinstance(a, tuple):
        assert len(a) == len(b), path
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_equal(x, y, f"{path}[{i}]")
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype, path
        assert np.array_equal(a, b), path
    else:
        assert a == b, path


@pytest.mark.parametrize("case", EVERY_CASE)
def test_label_round_trip(tmp_path: Path, case: Callable[[int, int], Reconstruction]) -> None:
    """Everything comes back to the bit, but for the image, which is not in the file."""
    original = replace(case(3, 1_700_000_000_123_456_789), flat=None)
    save_label(tmp_path / "x.npz", original)
    assert_equal(load_label(tmp_path / "x.npz"), original)
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


def saved(path: Path, r: Reconstruction) -> dict[str, Any]:
    save_label(path, r)
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def test_label_arrays_are_stacked(tmp_path: Path) -> None:
    r = two_of_each(1, 5)
    file = saved(tmp_path / "x.npz", r)
    count = len(r.human.vertices)
    assert file["human_vertices"].shape == (2, count, 3) and file["human_vertices"].dtype == np.float32
    assert file["human_pose"].shape == (2, 52, 3) and file["T_cam_object"].shape == (2, 4, 4)
    assert list(file["human_ids"]) == ["human_1", "human_2"]
    assert list(file["contact_object_ids"]) == ["object_1", "object_2"]
    assert file["contact_1_human_vertices"].shape == (4,)
    assert np.array_equal(file["human_root"][1], r.humans[1].root)
    assert file["schema_version"] == 2
    assert all(values.dtype != object for values in file.values())


def test_rows_of_who_is_not_there_are_nan(tmp_path: Path) -> None:
    r = two_of_each(1, 5)
    gone = both_lost(1, 5)
    file = saved(tmp_path / "x.npz", replace(r, humans=(*gone.humans, r.humans[1]), objects=gone.objects))
    assert np.isnan(file["human_vertices"][0]).all() and np.isfinite(file["human_vertices"][1]).all()
    assert np.isnan(file["T_cam_object"]).all() and list(file["object_status"]) == [Status.LOST]


def test_the_state_vector_has_nan_where_something_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    full, alone, thing = (saved(path, case(1, 5)) for case in (pair, human_only, object_only))
    e = pair(1, 5).estimate
    parts = [e.human.theta.reshape(-1), e.human.betas, e.object.R_o, e.object.origin - e.human.t_cam]
    assert np.array_equal(full["x"], np.concatenate(parts)) and full["x"].shape == (331,)
    assert np.array_equal(np.isnan(alone["x"]), np.arange(331) >= 322)
    assert np.isnan(alone["object_origin"]).all() and np.isfinite(alone["t_cam"]).all()
    known = (np.arange(331) >= 322) & (np.arange(331) < 328)
    assert np.array_equal(np.isfinite(thing["x"]), known)
    assert np.isnan(thing["t_cam"]).all() and np.array_equal(thing["object_origin"], e.object.origin)
    assert "x" not in saved(path, nobody(1, 5))


@pytest.mark.parametrize("version", [1, 3])
def test_a_label_of_another_version_is_refused(tmp_path: Path, version: int) -> None:
    values = saved(tmp_path / "x.npz", pair()) | {"schema_version": version}
    np.savez(tmp_path / "x.npz", **values)
    with pytest.raises(InputError, match=f"version {version}; this program reads version 2.*again"):
        load_label(tmp_path / "x.npz")


def test_bad_label_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with pytest.raises(InputError, match="cannot be read"):
        load_label(path)
    save_label(path, pair())
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="cannot be read"):
        load_label(path)
    np.savez(path, something=np.zeros(3))
    with pytest.raises(InputError, match="as a label file: it has no 'schema_version'"):
        load_label(path)
    np.savez(path, schema_version=2, status=0)
    with pytest.raises(InputError, match="it has no 'name'; it has schema_version, status"):
        load_label(path)


@pytest.mark.parametrize("flip", [0x01, 0x10, 0xFF])
def test_a_label_with_one_wrong_byte_is_read_or_refused(tmp_path: Path, flip: int) -> None:
    path = tmp_path / "x.npz"
    save_label(path, nobody(1, 5))
    content = path.read_bytes()
    entry = content.index(b"PK\x01\x02")  # here the zip says how the first array is compressed
    positions = {*range(0, len(content), 101), *range(entry, entry + 46)}
    refused = 0
    for position in positions:
        damaged = bytearray(content)
        damaged[position] ^= flip
        path.write_bytes(damaged)
        try:
            load_label(path)
        except InputError:
            refused += 1
    assert refused > len(positions) / 3


@pytest.mark.parametrize("key", ["human_ids", "status", "quality_values", "x"])
def test_label_arrays_of_wrong_shape_are_refused(tmp_path: Path, key: str) -> None:
    values = saved(tmp_path / "x.npz", pair()) | {key: np.zeros((2, 2))}
    np.savez(tmp_path / "x.npz", **values)
    with pytest.raises(InputError, match="cannot be read as a label file"):
        load_label(tmp_path / "x.npz")


class Trap:
    """Pickled, it would run code when it is loaded."""

    def __reduce__(self) -> Any:
        return exec, ("import pathlib, os; pathlib.Path(os.environ['TRAP']).touch()",)


def test_no_code_in_a_label_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    values = saved(tmp_path / "x.npz", pair()) | {"name": np.array([Trap()], dtype=object)}
    np.savez(tmp_path / "x.npz", **values)
    with pytest.raises(InputError, match="cannot be read"):
        load_label(tmp_path / "x.npz")
    assert not (tmp_path / "sprung").exists()


def test_video_round_trip_with_stamps(tmp_path: Path) -> None:
    times_ms = [0, 100, 150, 400, 390, 600, 90_000]
    with mp4_file(tmp_path / "x.mp4", rate_hz=10) as video:
        for index, time in enumerate(times_ms):
            picture = np.full((49, 65, 3), 30 * index, np.uint8)
            video.add(picture, 10**18 + time * 1_000_000)
    with av.open(str(tmp_path / "x.mp4")) as container:
        pictures = list(container.decode(video=0))
        assert container.streams.video[0].codec_context.name == "h264"
    assert [p.width for p in pictures] == [64] * 7
    assert [int(p.to_ndarray(format="rgb24").mean()) for p in pictures] == pytest.approx(
        [30 * i for i in range(7)], abs=4
    )
    # A step back becomes one usual step, a long pause two seconds.
    assert np.allclose([float(p.time) * 1e3 for p in pictures], [0, 100, 150, 400, 500, 710, 2710], atol=1)


def test_video_of_pictures_of_many_sizes(tmp_path: Path) -> None:
    with mp4_file(tmp_path / "x.mp4") as video:
        for height, width in ((40, 60), (80, 60), (31, 200)):
            video.add(np.full((height, width, 3), 200, np.uint8), video.pictures * 10**9)
        with pytest.raises(InputError, match="2x2"):
            video.add(np.zeros((1, 5, 3), np.uint8), 0)
    with av.open(str(tmp_path / "x.mp4")) as container:
        assert {(p.width, p.height) for p in container.decode(video=0)} == {(60, 40)}
    assert fit_picture(np.full((80, 60, 3), 9, np.uint8), 60, 40)[20, 30, 0] == 9


def test_a_video_without_pictures_is_not_left(tmp_path: Path) -> None:
    with mp4_file(tmp_path / "x.mp4"):
        pass
    assert not list(tmp_path.iterdir())
    with pytest.raises(ZeroDivisionError), mp4_file(tmp_path / "x.mp4") as video:
        video.add(np.zeros((20, 20, 3), np.uint8), 0)
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_unwritable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="writable folder"):
        save_label(tmp_path / "file" / "x.npz", pair())
