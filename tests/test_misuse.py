"""What users do wrong: every command answers with one clear line."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from scorehoi_ros import cli
from scorehoi_ros.body.load import load_body
from scorehoi_ros.commands import template as template_command
from scorehoi_ros.commands.label import parse_objects
from scorehoi_ros.config.pipeline import PipelineConfig, SamConfig
from scorehoi_ros.errors import BodyError, CameraError, InputError, OutputError
from scorehoi_ros.files import refuse_unwritable
from scorehoi_ros.inventory import check as doctor
from scorehoi_ros.io.calibration.file import parse_camera
from scorehoi_ros.io.images import list_images
from scorehoi_ros.io.masks.image import read_mask_file
from scorehoi_ros.io.pictures.codec import decode_compressed
from scorehoi_ros.objects.mesh_file import parse_mesh
from scorehoi_ros.perception.object.segmenter import make_segmenter
from scorehoi_ros.perception.object.window import prompted_box
from scorehoi_ros.types import Box, Prompt
from tests.labelling import images, run, summary_of

OBJ = "o St\u00fchlchen\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header claims a size; nearly no pixels follow."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_a_picture_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    content = png_of_size(60000, 60000)
    with pytest.raises(InputError, match="smaller") as caught:
        decode_compressed(content)
    assert "OpenCV" not in str(caught.value)
    mask = tmp_path / "a_human.png"
    mask.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_mask_file(mask)


def test_an_equals_sign_of_the_template_is_not_that_of_a_stem() -> None:
    assert parse_objects(["box:width=0.3,depth=0.2"]) == ("box:width=0.3,depth=0.2", {})
    by_stem = parse_objects(["ball=ball:0.22", "b=box:width=0.3"])
    assert by_stem == ("", {"ball": "ball:0.22", "b": "box:width=0.3"})


def test_an_array_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    header = io.BytesIO()
    facts = {"descr": "<f8", "fortran_order": False, "shape": (10**14,)}
    np.lib.format.write_array_header_1_0(header, facts)
    path = tmp_path / "body.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("v_template.npy", header.getvalue())
    with pytest.raises(BodyError, match="cannot be read"):
        load_body(path)


@pytest.mark.parametrize("text", ["1e30,1e30,10,10", "9,9,32,24", "60,60,99999,24", "60,60,32,-1e6"])
def test_intrinsics_that_cannot_be_meant_are_refused(text: str) -> None:
    with pytest.raises(CameraError, match="fx,fy,cx,cy"):
        parse_camera(text, 640, 480)


def test_a_mesh_file_in_latin_1_is_read() -> None:
    assert len(parse_mesh(OBJ.encode("latin-1"), ".obj", "a.obj").faces) == 1


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(InputError, match=r"found clip\.mp4"):
        list_images(tmp_path)


def test_a_prompt_box_beside_the_image_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    prompt = Prompt(box=Box(700.0, 500.0, 800.0, 600.0))
    assert prompted_box(prompt, 480, 640) is None
    assert prompted_box(prompt, 480, 640) is None
    assert [
        r.getMessage() for r in caplog.records if "covers no pixel of the 640 x 480" in r.getMessage()
    ] == [caplog.records[0].getMessage()]


def test_sam_weights_without_the_segmenter_sam_are_told(caplog: pytest.LogCaptureFixture) -> None:
    make_segmenter(PipelineConfig(segmenter="grabcut", sam=SamConfig(encoder="encoder.onnx")))
    assert "not used" in caplog.text


def test_objects_of_images_that_are_not_there_are_refused(tmp_path: Path) -> None:
    source = images(tmp_path / "in", ["chair", "table"])
    with pytest.raises(InputError, match="no image of that name"):
        run(str(source), "--out", str(tmp_path / "out"), "--object", "chiar=box")


def test_a_camera_that_is_neither_numbers_nor_a_file_is_told_at_once(tmp_path: Path) -> None:
    source = images(tmp_path / "in", ["a"])
    for text in ("nonsense", "1,2,3", "no.yaml"):
        with pytest.raises(CameraError, match="fx,fy,cx,cy"):
            run(str(source), "--out", str(tmp_path / "out"), "--camera", text)
    assert not (tmp_path / "out").exists()


def test_a_run_without_a_usable_frame_fails(tmp_path: Path) -> None:
    source = images(tmp_path / "in", ["a"])
    (source / "a.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="no frame of .* could be used. The first one: a.png"):
        run(str(source), "--out", str(tmp_path / "out"))
    assert summary_of(tmp_path / "out")["status"]["BAD_INPUT"] == 1


def test_an_unwritable_json_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out, folder = images(tmp_path / "in", ["a"]), tmp_path / "out", tmp_path / "folder"
    folder.mkdir()
    assert cli.main(["label", str(source), "--out", str(out), "--json", str(folder)]) == 3
    assert "it is a folder" in capsys.readouterr().err and not out.exists()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        refuse_unwritable(tmp_path / "file" / "x.json")


def test_wrong_options_give_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["label", "x", "--out", "y", "--limit", "0"])
    lines = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2
    assert len(lines) == 1 and "--limit" in lines[0] and "--help" in lines[0]


def test_a_bug_gives_one_line_and_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(template_command, "run", fail)
    monkeypatch.delenv(cli.DEBUG, raising=False)
    assert cli.main(["template", "list"]) == cli.INTERNAL_ERROR
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv(cli.DEBUG, "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["template", "list"])


def test_doctor_calls_a_damaged_model_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("body_anny.npz", "pose_prior.safetensors"):
        (tmp_path / name).write_bytes(b"damaged")
    monkeypatch.setenv("SCOREHOI_MODELS", str(tmp_path))
    shipped = [doctor.examine_file(part, "") for part in doctor.FILES if part.shipped_as]
    assert [f.state for f in shipped] == [doctor.BROKEN] * 2
    assert not doctor.healthy(shipped)
