"""What image libraries print past Python."""

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.pictures.codec import decode_compressed
from scorehoi_ros.native import quiet_decoders

PICTURE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)


def jpeg() -> bytes:
    return cv2.imencode(".jpg", PICTURE)[1].tobytes()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with more chunks after its header."""
    content = cv2.imencode(".png", PICTURE)[1].tobytes()
    more = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return content[:33] + b"".join(more) + content[33:]


CASES = {
    "garbage in the scan": jpeg()[:900] + bytes(40) + b"\xff\x00\xff\xd0" + jpeg()[940:],
    "garbage before a marker": jpeg()[:20] + b"\x00\x01\x02\x03" + jpeg()[20:],
    "profile that is none": png((b"iCCP", b"icc\0\0" + zlib.compress(b"no profile"))),
    "gamma twice": png((b"gAMA", struct.pack(">I", 45455)), (b"gAMA", struct.pack(">I", 45455))),
    "wrong checksum": png()[:-20] + b"\0\0\0\0" + png()[-16:],
    "text that is too short": png((b"zTXt", b"x")),
    "bitmap that was cut": cv2.imencode(".bmp", PICTURE)[1].tobytes()[:2000],
    "strip that is none": cv2.imencode(".tiff", PICTURE)[1].tobytes()[:9]
    + bytes(3000)
    + cv2.imencode(".tiff", PICTURE)[1].tobytes()[3009:],
}


@pytest.mark.parametrize("name", CASES)
def test_decoders_leave_the_terminal_alone(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with suppress(InputError):
        assert decode_compressed(CASES[name]).shape == PICTURE.shape
    assert capfd.readouterr().err == ""


def test_at_least_half_of_the_cases_are_noisy(capfd: pytest.CaptureFixture[str]) -> None:
    noisy = 0
    for content in CASES.values():
        cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        noisy += bool(capfd.readouterr().err)
    assert 2 * noisy >= len(CASES)


def test_other_lines_come_out(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with quiet_decoders():
        os.write(2, b"libpng warning: x\nsomething else\n")
    with pytest.raises(ZeroDivisionError), quiet_decoders():
        os.write(2, b"and more")
        raise ZeroDivisionError
    assert capfd.readouterr().err == "something else\nand more"
    assert len(os.listdir("/proc/self/fd")) == before
