"""Label files and videos: what is written is read back; damage and unsafe files are refused."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from reconstructions import lost, nobody, reconstruction

from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.io.mp4 import fit_picture, mp4_file
from scorehoi_ros.io.npz import load_label, save_label
from scorehoi_ros.types import Masks


def assert_equal(a, b, path: str = "") -> None:
    assert type(a) is type(b) or not is_dataclass(a), path
    if is_dataclass(a):
        for f in fields(a):
            assert_equal(getattr(a, f.name), getattr(b, f.name), f"{path}.{f.name}")
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype, path
        assert np.array_equal(a, b), path
    else:
        assert a == b, path


@pytest.mark.parametrize("make", [reconstruction, lost, nobody])
def test_label_round_trip(tmp_path: Path, make) -> None:
    original = make(3, 1_700_000_000_123_456_789)
    save_label(tmp_path / "x.npz", original)
    assert_equal(load_label(tmp_path / "x.npz"), original)
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


def test_label_keys(tmp_path: Path) -> None:
    save_label(tmp_path / "x.npz", reconstruction(1, 5))
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        assert file["x"].shape == (331,)
        assert file["vertices"].dtype == np.float32
        assert file["T_cam_object"].shape == (4, 4)
        assert np.array_equal(file["x"][312:322], reconstruction(1, 5).estimate.betas)
        assert all(file[key].dtype != object for key in file.files)


def test_human_only_estimate_has_no_object(tmp_path: Path) -> None:
    from dataclasses import replace

    full = reconstruction(1, 5)
    alone = replace(full, object=None, estimate=replace(full.estimate, R_o=None, t_o=None), masks=Masks())
    save_label(tmp_path / "x.npz", alone)
    assert_equal(load_label(tmp_path / "x.npz"), alone)


def test_bad_label_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with pytest.raises(InputError, match="cannot be read"):
        load_label(path)
    save_label(path, reconstruction())
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="cannot be read"):
        load_label(path)
    np.savez(path, stamp_ns=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="cannot be read|not a label"):
        load_label(path)
    np.savez(path, something=np.zeros(3))
    with pytest.raises(InputError, match="not a label file"):
        load_label(path)


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
        save_label(tmp_path / "file" / "x.npz", reconstruction())
