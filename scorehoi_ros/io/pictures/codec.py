"""Pixels from the values of sensor_msgs Image and CompressedImage, without ROS.

Encodings are those of `sensor_msgs/image_encodings.hpp`; `step`, row padding and byte order are respected.
Every function raises InputError with words when the values do not describe an image.
"""

import struct
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError, shown
from scorehoi_ros.io.masks.pixels import Pixels, mask_of
from scorehoi_ros.io.pictures.bit_range import BitRange
from scorehoi_ros.io.pictures.header import open_lazily
from scorehoi_ros.native import quiet_decoders
from scorehoi_ros.types import Bools

Buffer = bytes | bytearray | memoryview | NDArray[np.uint8]
Rgb = NDArray[np.uint8]

OPENCV_READS = (b"\xff\xd8", b"\x89PNG", b"RIFF", b"BM", b"II*\0", b"MM\0*")
"""First bytes of JPEG, PNG, WebP, BMP and TIFF.  OpenCV knows more types, but a damaged JPEG 2000 ends the
process."""
_MAX_SIDE = 32768
_CHANNELS = {
    "mono8": 1, "8UC1": 1, "rgb8": 3, "bgr8": 3, "8UC3": 3, "rgba8": 4, "bgra8": 4, "8UC4": 4,
    "mono16": 1, "rgb16": 3, "bgr16": 3, "rgba16": 4, "bgra16": 4,
}  # fmt: skip
_YUV = {
    "yuv422": "COLOR_YUV2RGB_UYVY", "uyvy": "COLOR_YUV2RGB_UYVY",
    "yuv422_yuy2": "COLOR_YUV2RGB_YUY2", "yuyv": "COLOR_YUV2RGB_YUY2",
}  # fmt: skip
_PLANAR = {"nv12": "COLOR_YUV2RGB_NV12", "nv21": "COLOR_YUV2RGB_NV21"}
_BAYER = {
    f"bayer_{pattern}{bits}": f"COLOR_Bayer{pattern.upper()}2RGB"
    for pattern in ("rggb", "bggr", "gbrg", "grbg")
    for bits in (8, 16)
}
_DEPTH = {"16UC1": ("u2", 0.001), "mono16": ("u2", 0.001), "32FC1": ("f4", 1.0)}
_MASK = {
    "mono8": ("u1", 1), "8UC1": ("u1", 1), "8SC1": ("i1", 1), "mono16": ("u2", 1), "16UC1": ("u2", 1),
    "16SC1": ("i2", 1), "32SC1": ("i4", 1), "32FC1": ("f4", 1), "rgb8": ("u1", 3), "bgr8": ("u1", 3),
    "8UC3": ("u1", 3), "rgba8": ("u1", 4), "bgra8": ("u1", 4), "8UC4": ("u1", 4),
}  # fmt: skip
COLOUR_ENCODINGS = (*_CHANNELS, *_YUV, *_PLANAR, *_BAYER)


def decode_image(
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: bool,
    data: Buffer,
    bits: BitRange | None = None,
) -> Rgb:
    """(height, width, 3) uint8 RGB from the fields of a sensor_msgs/Image.

    `bits`: what is known of the range of 16-bit values; None = only what this image shows.  Raises InputError
    for an encoding that is not a colour image, a zero size, or too few bytes.
    """
    bits = bits or BitRange()
    if encoding in _CHANNELS:
        values = rows(data, height, width, step, _dtype(encoding, is_bigendian), _CHANNELS[encoding])
        return _packed(encoding, bits.to_eight(values))
    if encoding in _YUV:
        _check(width % 2 == 0, f"a {encoding} image must have an even width. Got {width}x{height}.")
        return _convert(rows(data, height, width, step, "u1", 2).reshape(height, width, 2), _YUV[encoding])
    if encoding in _PLANAR:
        even = width % 2 == 0 and height % 2 == 0
        _check(even, f"a {encoding} image must have an even width and height. Got {width}x{height}.")
        return _convert(rows(data, height * 3 // 2, width, step, "u1", 1)[:, :, 0], _PLANAR[encoding])
    if encoding in _BAYER:
        mosaic = rows(data, height, width, step, _dtype(encoding, is_bigendian), 1)[:, :, 0]
        return _convert(bits.to_eight(mosaic), _BAYER[encoding])
    hint = " This is a depth image; choose the colour topic." if encoding in _DEPTH else ""
    raise InputError(
        f"image encoding {shown(encoding)} is not supported.{hint} Supported: {', '.join(COLOUR_ENCODINGS)}."
    )


def decode_depth(
    encoding: str, height: int, width: int, step: int, is_bigendian: bool, data: Buffer
) -> NDArray[np.float32]:
    """(height, width) float32 metres, 0 where unknown (REP 118: 16UC1 millimetres, 32FC1 metres)."""
    if encoding not in _DEPTH:
        raise InputError(
            f"depth encoding {shown(encoding)} is not supported. Expected 16UC1 (mm) or 32FC1 (m), as in "
            "REP 118."
        )
    kind, scale = _DEPTH[encoding]
    values = rows(data, height, width, step, (">" if is_bigendian else "<") + kind, 1)[:, :, 0]
    return _known(values.astype(np.float32) * np.float32(scale))


def decode_mask(
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: bool,
    data: Buffer,
    ids: AbstractSet[int] = frozenset(),
) -> Bools:
    """(height, width) bool by the rule of masks (`masks.pixels.mask_of`, with its `ids`)."""
    if encoding not in _MASK:
        raise InputError(f"mask encoding {shown(encoding)} is not supported. Expected {', '.join(_MASK)}.")
    kind, channels = _MASK[encoding]
    values = rows(data, height, width, step, (">" if is_bigendian else "<") + kind, channels)
    if channels == 1:
        return mask_of(Pixels(values[:, :, 0]), ids)
    return mask_of(Pixels(values[:, :, :3], alpha=values[:, :, 3] if channels == 4 else None), ids)


def decode_compressed(data: Buffer, bits: BitRange | None = None, fmt: str = "") -> Rgb:
    """(H, W, 3) uint8 RGB from the bytes of an encoded image file (JPEG, PNG, WebP, BMP), EXIF-rotated.

    Used for image files and sensor_msgs/CompressedImage alike; `bits` as for `decode_image`, `fmt` is the
    format of the message: that of a Bayer camera may hold the mosaic as a grey image.  Raises InputError when
    the bytes are not an image or end too early (a JPEG decoder would fill the missing part with grey without
    a word).
    """
    import cv2

    pattern = _BAYER.get(fmt.partition(";")[0].strip())
    colour = cv2.IMREAD_COLOR if pattern is None else cv2.IMREAD_ANYCOLOR
    values = _imdecode(data, colour | cv2.IMREAD_ANYDEPTH)
    if values.dtype not in (np.uint8, np.uint16):
        values = _imdecode(data, colour)
    values = (bits or BitRange()).to_eight(values)
    if values.ndim == 2:
        assert pattern is not None
        return _convert(values, pattern)
    return np.ascontiguousarray(values[:, :, ::-1])


def decode_compressed_depth(fmt: str, data: Buffer) -> NDArray[np.float32]:
    """(H, W) float32 metres from a CompressedImage of compressed_depth_image_transport or a 16-bit PNG.

    `fmt` is the message's format: "16UC1; compressedDepth png", "32FC1; compressedDepth png" (inverse depth
    quantised by two coefficients in the 12-byte header), or "png" for plain 16-bit millimetres.
    """
    import cv2

    content = bytes(data)
    if "rvl" in fmt.lower():
        raise InputError(f"depth format {shown(fmt)} is not supported. Record depth as PNG or uncompressed.")
    if "compressedDepth" not in fmt:
        return _millimetres(_imdecode(content, cv2.IMREAD_UNCHANGED), fmt)
    _check(len(content) > 12, f"the compressed depth image is empty: {len(content)} bytes.")
    _, quant_a, quant_b = struct.unpack("<iff", content[:12])
    values = _imdecode(content[12:], cv2.IMREAD_UNCHANGED)
    if not fmt.startswith("32FC1"):
        return _millimetres(values, fmt)
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = np.float32(quant_a) / (values.astype(np.float32) - np.float32(quant_b))
    return _known(np.where(values > 0, metres, np.float32(0)))


def encode_jpeg(rgb: Rgb, quality: int = 90) -> bytes:
    """JPEG bytes of an (H, W, 3) uint8 RGB image."""
    import cv2

    done, content = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise InputError(f"an image of shape {rgb.shape} cannot be written as JPEG.")
    return content.tobytes()


def rows(data: Buffer, height: int, width: int, step: int, dtype: str, channels: int) -> NDArray[Any]:
    """(height, width, channels) view of `data` whose rows start `step` bytes apart; checks every number.

    The padding after the last row may be missing.
    """
    sizes_ok = 0 < height <= _MAX_SIDE and 0 < width <= _MAX_SIDE
    _check(sizes_ok, f"the image is {width}x{height} pixels; expected 1 to {_MAX_SIDE} in each direction.")
    row_bytes = width * channels * np.dtype(dtype).itemsize
    step = step or row_bytes
    _check(step >= row_bytes, f"the row step is {step} bytes, but {width} pixels need {row_bytes}.")
    flat = np.frombuffer(data, np.uint8)
    needed = step * (height - 1) + row_bytes
    _check(
        flat.size >= needed,
        f"the image is truncated: {flat.size} bytes, expected {needed} for {width}x{height}, step {step}.",
    )
    used = np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, (height, row_bytes), (step, 1)))
    return used.view(dtype).reshape(height, width, channels)


def _packed(encoding: str, pixels: NDArray[np.uint8]) -> Rgb:
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    order = slice(0, 3) if encoding.startswith("rgb") else slice(2, None, -1)
    return np.ascontiguousarray(pixels[:, :, order])


def _dtype(encoding: str, is_bigendian: bool) -> str:
    if not encoding.endswith("16"):
        return "u1"
    return ">u2" if is_bigendian else "<u2"


def _convert(pixels: NDArray[np.uint8], code: str) -> Rgb:
    import cv2

    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), getattr(cv2, code)), np.uint8)


def _imdecode(data: Buffer, flags: int) -> NDArray[Any]:
    content = bytes(data)
    _check(len(content) > 0, "the image file is empty (0 bytes).")
    check_complete(content)
    open_lazily(content)  # refuses absurd sizes before room is made for them
    image = opencv_picture(content, flags)
    if image is None:
        raise InputError(
            f"the {len(content)} bytes are not a readable JPEG, PNG, WebP, BMP or TIFF image: they are "
            "damaged, of another type, or claim a size beyond 2^20 pixels a side. Export it again, "
            "smaller if it is that large."
        )
    return image


def opencv_picture(content: Buffer, flags: int) -> NDArray[Any] | None:
    """What OpenCV makes of an image file; None when it is damaged, too large, or not of `OPENCV_READS`."""
    import cv2

    if not bytes(content[:4]).startswith(OPENCV_READS):
        return None
    try:
        with quiet_decoders():
            image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:  # absurd sizes in the header
        return None
    return None if image is None or image.size == 0 else np.asarray(image)


def check_complete(content: bytes) -> None:
    """Raise InputError for an image file that was cut off, where its kind has an end mark."""
    ends: dict[bytes, Callable[[], bool]] = {
        # Inside JPEG scan data 0xFF is always escaped, so an end marker after the last scan is a real one.
        b"\xff\xd8": lambda: content.rfind(b"\xff\xd9") > content.rfind(b"\xff\xda"),
        b"\x89PNG": lambda: _holds_whole_png(content),
        b"RIFF": lambda: len(content) >= 8 + struct.unpack("<I", content[4:8].ljust(4, b"\0"))[0],
    }
    for magic, complete in ends.items():
        if content.startswith(magic) and not complete():
            raise InputError(
                f"the image file is truncated or damaged: its {len(content)} bytes hold no whole picture."
            )


def _holds_whole_png(content: bytes) -> bool:
    """Whether the chunks lead over a picture to the end mark.

    OpenCV makes room (gigabytes) for what a length claims, and looks for a picture beyond the end.
    """
    position, picture = 8, False
    while position + 12 <= len(content):
        (length,) = struct.unpack(">I", content[position : position + 4])
        kind = content[position + 4 : position + 8]
        picture |= kind == b"IDAT"
        if kind == b"IEND":
            return picture
        position += 12 + length
    return False


def _millimetres(values: NDArray[Any], fmt: str) -> NDArray[np.float32]:
    if values.dtype != np.uint16 or values.ndim != 2:
        raise InputError(
            f"a depth image of format {shown(fmt)} must hold one 16-bit channel (mm). "
            f"Got {values.dtype} {values.shape}."
        )
    return values.astype(np.float32) * np.float32(0.001)


def _known(metres: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(np.isfinite(metres) & (metres > 0), metres, np.float32(0))


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)
