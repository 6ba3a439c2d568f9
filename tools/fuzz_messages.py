"""The kinds of messages that the fuzzer damages; they go through the hall, as those of topics and bags do."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import fuzz_sound as sound
import numpy as np
from fuzz_damage import ODD_TEXTS, Rng, few, spoiled
from fuzz_kinds import told
from fuzz_run import Kind, is_clear

from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.io.bags.message_types import typestore
from scorehoi_ros.io.bags.reader import deserialise
from scorehoi_ros.io.bags.salvage import RawMessage
from scorehoi_ros.io.pictures.codec import COLOUR_ENCODINGS
from scorehoi_ros.io.topics.frames import Hall

SETTINGS = InputConfig(depth_topic="/depth", human_mask_topic="/human", object_mask_topic="/object")
WORDS = (
    *COLOUR_ENCODINGS, "16UC1", "32FC1", "32SC1", "8SC1", "8UC2", "64FC1", "jpeg", "png", "h264",
    "rgb8; png compressed ", "bayer_rggb8; jpeg", "32FC1; compressedDepth png", "16UC1; compressedDepth",
    "16UC1; compressedDepth rvl", "plumb_bob", "rational_polynomial", "equidistant", "fisheye", "none",
    "thin_prism", "/cam", "other", *ODD_TEXTS,
)  # fmt: skip
"""Encodings, formats, models and frames, among them odd ones."""
NUMBERS = (0, 1, 2, 3, 47, 48, 49, 64, 65, 96, 128, 191, 255, 32768, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
REALS = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    60.0,
    1e-300,
    1e-6,
    1e3,
    1e6,
    1e30,
    1e308,
    -1e308,
    np.nan,
    np.inf,
    -np.inf,
)


@dataclass(frozen=True)
class Round:
    """Messages of one moment, by where they go in the hall; bytes are those of a damaged recording."""

    image: Any
    info: Any
    companions: dict[str, Any] = field(default_factory=dict)


def use_round(messages: Round, folder: Path) -> str:
    """The frame of the image, with what is told of its companions."""
    texts: list[str] = []
    hall = Hall(SETTINGS, lambda key, text: texts.append(text), "/image")
    hall.take_camera_info(_read(messages.info), 1)
    for name, message in messages.companions.items():
        hall.take_companion(name, _read(message), 2)
    hall.take_image(_read(messages.image), 3)
    (bundle,) = hall.ready(None)
    frame = hall.frame(bundle, 2**62, "000000")
    assert frame is not None
    if unclear := [text for text in texts if text and not is_clear(text)]:
        return unclear[0]
    return told(frame)


def _read(message: Any) -> Any:
    return deserialise(message) if isinstance(message, RawMessage) else message


def damaged(message: Any, rng: Rng) -> Any:
    """A message with one to three odd values, or one time in ten read from damaged bytes."""
    if rng.random() < 0.1:
        name = message.__msgtype__
        return RawMessage("/topic", name, 1, spoiled(bytes(typestore().serialize_cdr(message, name)), rng))
    for _ in range(few(rng)):
        message = _with_odd_field(message, rng)
    return message


def _with_odd_field(message: Any, rng: Rng) -> Any:
    """One field replaced by another value of its type, as a library would let it through."""
    names = [f.name for f in fields(message) if f.name != "__msgtype__"]
    name = str(rng.choice(names))
    value = getattr(message, name)
    return replace(message, **{name: _odd(value, rng)})


def _odd(value: Any, rng: Rng) -> Any:
    if is_dataclass(value):
        return _with_odd_field(value, rng)
    if isinstance(value, str):
        return str(rng.choice(WORDS))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return int(rng.choice(NUMBERS)) if rng.random() < 0.8 else int(rng.integers(0, 300))
    values = np.array(value)
    return _odd_bytes(values, rng) if values.dtype == np.uint8 else _odd_reals(values, rng)


def _odd_bytes(values: Any, rng: Rng) -> Any:
    return np.frombuffer(spoiled(values.tobytes(), rng), np.uint8)


def _odd_reals(values: Any, rng: Rng) -> Any:
    """Other numbers; only a field without a fixed length (d) takes another number of them."""
    free = len(values) not in (9, 12)
    if free and rng.random() < 0.5:
        values = np.resize(values, int(rng.choice([0, 1, 2, 3, 4, 5, 6, 8, 12, 13, 14, 50])))
    if len(values) and rng.random() < 0.8:
        places = rng.integers(0, len(values), few(rng))
        values[places] = rng.choice(REALS, len(places)) * rng.choice([1.0, -1.0, rng.normal()])
    elif rng.random() < 0.3:
        values = np.full(len(values), rng.choice(REALS))
    return values


def raw_images() -> list[Any]:
    """Pictures in encodings that differ in layout."""
    rgb, grey = sound.picture(), sound.picture()[..., 0]
    deep = grey.astype(np.uint16) * 200
    made = [(rgb, "rgb8"), (grey, "mono8"), (deep, "mono16"), (grey, "bayer_rggb8"), (deep, "bayer_grbg16")]
    made += [(np.dstack([rgb, grey]), "bgra8"), (rgb[..., :2], "yuv422_yuy2")]
    images = [sound.raw_image(np.ascontiguousarray(pixels), encoding) for pixels, encoding in made]
    planes = sound.raw_image(np.resize(grey, (sound.HEIGHT * 3 // 2, sound.WIDTH)), "nv12")
    return [*images, replace(planes, height=sound.HEIGHT)]


def packed_images() -> list[Any]:
    """Compressed pictures."""
    jpg, png, webp = (sound.photos(suffix)[0] for suffix in ("jpg", "png", "webp"))
    return [
        sound.packed_image(*told)
        for told in ((jpg, "rgb8; jpeg compressed bgr8"), (png, "png"), (webp, "webp"))
    ]


def depths() -> list[Any]:
    """Depth, raw and packed."""
    mm = np.full((sound.HEIGHT, sound.WIDTH), 1500, np.uint16)
    png = cv2.imencode(".png", mm)[1].tobytes()
    head = np.array([0], np.int32).tobytes() + np.array([3500.0, 1.0], np.float32).tobytes()
    return [
        sound.raw_image(mm, "16UC1"), sound.raw_image(mm.astype(np.float32) / 1000, "32FC1"),
        sound.packed_image(head + png, "16UC1; compressedDepth png"),
        sound.packed_image(head + png, "32FC1; compressedDepth png"), sound.packed_image(png, "png"),
    ]  # fmt: skip


def masks() -> list[Any]:
    """Masks, raw and packed."""
    png = cv2.imencode(".png", sound.mask())[1].tobytes()
    ids = np.where(sound.mask() > 0, 7, 0).astype(np.int32)
    return [
        sound.raw_image(sound.mask(), "mono8"),
        sound.raw_image(ids, "32SC1"),
        sound.packed_image(png, "png"),
    ]


def _one(choices: Sequence[Any], rng: Rng) -> Any:
    return choices[int(rng.integers(len(choices)))]


def sound_rounds() -> list[Round]:
    """Rounds of which each gives a frame."""
    images = [*raw_images(), *packed_images()]
    return [
        Round(image, sound.info(), {"depth": depths()[i % 5], "human": masks()[i % 3]})
        for i, image in enumerate(images)
    ]


def _with_image(images: Sequence[Any], rng: Rng) -> Round:
    return Round(damaged(_one(images, rng), rng), sound.info())


def _with_info(rng: Rng) -> Round:
    lens = _one([(), (-0.1, 0.02, 0.001, 0.0, 0.0), (0.1,) * 8], rng)
    return Round(raw_images()[0], damaged(sound.info(distortion=lens), rng))


def _with_companions(rng: Rng) -> Round:
    given = {name: _one(masks(), rng) for name in ("human", "object")} | {"depth": _one(depths(), rng)}
    name = str(rng.choice(sorted(given)))
    return Round(raw_images()[0], sound.info(), given | {name: damaged(given[name], rng)})


MESSAGES = [
    Kind("Image", lambda rng: _with_image(raw_images(), rng), use_round, sound_rounds),
    Kind("CompressedImage", lambda rng: _with_image(packed_images(), rng), use_round, sound_rounds),
    Kind("CameraInfo", _with_info, use_round, sound_rounds),
    Kind("depth-and-masks", _with_companions, use_round, sound_rounds),
]
