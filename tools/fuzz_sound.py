"""Sound inputs of every kind that the fuzzer damages, small ones; made anew or shipped."""

import io
import json
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from scorehoi_ros.assets import model_file
from scorehoi_ros.bench.messages import example_reconstruction
from scorehoi_ros.body.load import free_body
from scorehoi_ros.datasets.synhoi import TRUTH_FILE, read_truths
from scorehoi_ros.io.bags.message_types import definition, typestore
from scorehoi_ros.io.npz import arrays_of
from scorehoi_ros.messages.camera_info import camera_info
from scorehoi_ros.messages.factory import RosbagsFactory, header
from scorehoi_ros.objects.cache import cache_file
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth.produce import observed
from scorehoi_ros.synth.storage import write_shard
from scorehoi_ros.types import Camera

WIDTH, HEIGHT = 64, 48
K = np.array([[60.0, 0, 31.5], [0, 60, 23.5], [0, 0, 1]])
STEP_NS = 40_000_000
Rgb = NDArray[np.uint8]


@cache
def picture(number: int = 0) -> Rgb:
    """(48, 64, 3) uint8: colours that change smoothly, with a block in them that moves with the number."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    rgb = np.stack([60 + 2 * x, 60 + 3 * y, 40 + x + y], -1).astype(np.uint8)
    rgb[10:30, 10 + number : 25 + number] = (220, 30, 60)
    return rgb


@cache
def mask() -> Rgb:
    """(48, 64) uint8, 0 or 255."""
    plane = np.zeros((HEIGHT, WIDTH), np.uint8)
    plane[8:36, 10:30] = 255
    return plane


@cache
def photos(suffix: str) -> tuple[bytes, ...]:
    """Pictures of one type in its variants."""
    rgb, grey = Image.fromarray(picture()), Image.fromarray(picture()[..., 0])
    deep = Image.fromarray(picture()[..., 0].astype(np.uint16) * 200)
    clear = Image.fromarray(np.dstack([picture(), mask()]))
    turned = Image.Exif()
    turned[0x0112] = 6
    made: dict[str, list[tuple[Any, dict[str, Any]]]] = {
        "jpg": [(rgb, {}), (rgb, {"progressive": True}), (grey, {}), (rgb, {"exif": turned, "quality": 95}),
                (rgb.convert("CMYK"), {})],
        "png": [(rgb, {}), (grey, {}), (deep, {}), (clear, {}), (rgb.quantize(8), {}),
                (rgb, {"exif": turned})],
        "webp": [(rgb, {}), (clear, {"lossless": True}), (rgb, {"exif": turned})],
        "bmp": [(rgb, {}), (grey, {}), (rgb.quantize(8), {})],
        "tif": [(rgb, {}), (rgb, {"compression": "tiff_lzw"}), (deep, {}), (rgb, {"compression": "jpeg"})],
        "gif": [(rgb.quantize(16), {})],
        "avif": [(rgb, {})],
        "jp2": [(rgb, {})],
    }  # fmt: skip
    return tuple(_encoded(image, suffix, told) for image, told in made[suffix])


def _encoded(image: Any, suffix: str, told: dict[str, Any]) -> bytes:
    target = io.BytesIO()
    names = {"jpg": "JPEG", "tif": "TIFF", "jp2": "JPEG2000"}
    image.save(target, names.get(suffix, suffix.upper()), **told)
    return target.getvalue()


@cache
def videos(suffix: str, codec: str, pixels: str = "yuv420p") -> tuple[bytes, ...]:
    """A video of twelve pictures."""
    import av

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"x.{suffix}")
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
            for number in range(12):
                shown = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
                container.mux(stream.encode(shown))
            container.mux(stream.encode())
        return (path.read_bytes(),)


def factory() -> RosbagsFactory:
    """Makes messages whose fields any library has."""
    return RosbagsFactory(typestore())


def raw_image(pixels: NDArray[Any], encoding: str, stamp_ns: int = 0) -> Any:
    """sensor_msgs/Image of (H, W) or (H, W, C)."""
    return factory()(
        "sensor_msgs/msg/Image", header=header(stamp_ns, "cam", factory()), height=pixels.shape[0],
        width=pixels.shape[1], encoding=encoding, is_bigendian=0, step=pixels.strides[0],
        data=np.frombuffer(pixels.tobytes(), np.uint8),
    )  # fmt: skip


def packed_image(content: bytes, fmt: str, stamp_ns: int = 0) -> Any:
    """sensor_msgs/CompressedImage."""
    return factory()(
        "sensor_msgs/msg/CompressedImage", header=header(stamp_ns, "cam", factory()), format=fmt,
        data=np.frombuffer(content, np.uint8),
    )  # fmt: skip


def info(stamp_ns: int = 0, distortion: Sequence[float] = (-0.1, 0.02, 0.001, 0.0)) -> Any:
    """sensor_msgs/CameraInfo of the pictures."""
    camera = Camera(K, WIDTH, HEIGHT, np.array(distortion))
    return camera_info(camera, header(stamp_ns, "cam", factory()), factory())


def recorded() -> list[tuple[str, Any, int]]:
    """Topic, message and time of log of four pictures with depth and masks."""
    found: list[tuple[str, Any, int]] = []
    depth = np.full((HEIGHT, WIDTH), 1500, np.uint16)
    for number in range(4):
        stamp = 10**18 + number * STEP_NS
        found += [
            ("/cam/camera_info", info(stamp), stamp),
            ("/cam/image_raw", raw_image(picture(number), "rgb8", stamp), stamp),
            ("/cam/depth", raw_image(depth, "16UC1", stamp), stamp + 1000),
            ("/masks/human", packed_image(_encoded(Image.fromarray(mask()), "png", {}), "png", stamp), stamp),
        ]
    return found


@cache
def mcaps() -> tuple[bytes, ...]:
    """MCAP files in small chunks of every compression, one without chunks, one packed by zstd."""
    import zstandard
    from mcap.writer import CompressionType

    kinds = (CompressionType.NONE, CompressionType.ZSTD, CompressionType.LZ4)
    made = [_mcap(compression=kind, chunk_size=20_000) for kind in kinds] + [_mcap(use_chunking=False)]
    return (*made, zstandard.ZstdCompressor().compress(made[0]))


def _mcap(**told: Any) -> bytes:
    from mcap.writer import Writer

    target = io.BytesIO()
    writer = Writer(target, **told)
    writer.start(profile="ros2", library="fuzz")
    channels: dict[str, int] = {}
    for topic, message, log_ns in recorded():
        name = message.__msgtype__
        if topic not in channels:
            schema = writer.register_schema(name=name, encoding="ros2msg", data=definition(name).encode())
            channels[topic] = writer.register_channel(topic, "cdr", schema)
        data = bytes(typestore().serialize_cdr(message, name))
        writer.add_message(channels[topic], log_ns, data, publish_time=log_ns)
    writer.finish()
    return target.getvalue()


@cache
def sqlites() -> tuple[bytes, ...]:
    """An sqlite3 bag."""
    from rosbags.rosbag2 import StoragePlugin, Writer

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "bag")
        with Writer(folder, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
            connections: dict[str, Any] = {}
            for topic, message, log_ns in recorded():
                kind = message.__msgtype__
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=typestore())
                writer.write(connections[topic], log_ns, typestore().serialize_cdr(message, kind))
        return (next(folder.glob("*.db3")).read_bytes(),)


@cache
def meshes(suffix: str) -> tuple[bytes, ...]:
    """A box and a can of 0.3 m."""
    box, can = trimesh.creation.box((0.3, 0.2, 0.1)), trimesh.creation.cylinder(0.1, 0.3, sections=12)
    if suffix == "xyz":
        points = np.random.default_rng(0).normal(size=(64, 3))
        points *= 0.15 / np.linalg.norm(points, axis=1, keepdims=True)
        return ("\n".join(" ".join(f"{v:.4f}" for v in p) for p in points).encode(),)
    made = [shape.export(file_type=suffix) for shape in (box, can)]
    if suffix in ("ply", "stl"):
        made.append(box.export(file_type="stl_ascii" if suffix == "stl" else "ply", **_ascii(suffix)))
    return tuple(content.encode() if isinstance(content, str) else content for content in made)


def _ascii(suffix: str) -> dict[str, str]:
    return {"encoding": "ascii"} if suffix == "ply" else {}


def shipped(name: str) -> Callable[[], tuple[bytes, ...]]:
    """A file under `models/`."""
    return lambda: (model_file(name).read_bytes(),)


def labels() -> tuple[bytes, ...]:
    """A reconstruction as `scorehoi label` writes it."""
    target = io.BytesIO()
    np.savez_compressed(target, **arrays_of(example_reconstruction(40)))
    return (target.getvalue(),)


@cache
def shards() -> tuple[bytes, ...]:
    """A shard of two scenes."""
    truths, _ = read_truths(model_file(TRUTH_FILE))
    scenes = [
        observed(truth, free_body(), load_template(truth.object_spec, cache=False), None, 64)
        for truth in truths[:2]
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.npz")
        write_shard(path, scenes, {"split": "test", "size": 64})
        return (path.read_bytes(),)


def kept_templates() -> tuple[bytes, ...]:
    """What the cache keeps of a template; the variable XDG_CACHE_HOME names a folder of the run's own."""
    load_template("box:0.3x0.2x0.1")
    return (next(cache_file("x").parent.glob("*.npz")).read_bytes(),)


@cache
def mask_pictures() -> tuple[bytes, ...]:
    """Masks as PNG: 0 and 255, ids with colours and of 16 bits, a cut-out."""
    inside = mask() > 0
    ids = Image.fromarray(inside.astype(np.uint8), "P")
    ids.putpalette([0, 0, 0, 128, 0, 0])
    made = [Image.fromarray(mask()), ids, Image.fromarray(inside.astype(np.uint16)),
            Image.fromarray(np.dstack([picture(), mask()]))]  # fmt: skip
    return tuple(_encoded(image, "png", {}) for image in made)


def mask_trees() -> tuple[bytes, ...]:
    """One mask in JSON: polygons, run lengths, labelme."""
    trees: list[Any] = [
        {"segmentation": [_CORNERS], "height": HEIGHT, "width": WIDTH, "score": 0.9},
        {"segmentation": _run_lengths(), "bbox": [10, 8, 20, 28]},
        _run_lengths(),
        _labelme(),
    ]
    return tuple(json.dumps(tree).encode() for tree in trees)


def mask_sets() -> tuple[bytes, ...]:
    """The masks of a picture in JSON: a COCO data set, labelme."""
    image = {"id": 1, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}
    person = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": _run_lengths(), "iscrowd": 0}
    cup = {"id": 2, "image_id": 1, "category_id": 47, "segmentation": [[40, 9, 50, 9, 50, 20]], "area": 55}
    categories = [{"id": 1, "name": "person"}, {"id": 47, "name": "cup"}]
    coco = {"images": [image], "annotations": [person, cup], "categories": categories}
    return tuple(json.dumps(tree).encode() for tree in (coco, _labelme()))


_CORNERS = [10, 8, 30, 8, 30, 36, 10, 36]


def _run_lengths() -> dict[str, Any]:
    changes = np.flatnonzero(np.diff(mask().T.ravel())) + 1
    return {"size": [HEIGHT, WIDTH], "counts": np.diff([0, *changes, mask().size]).tolist()}


def _labelme() -> dict[str, Any]:
    points = np.reshape(_CORNERS, (-1, 2)).tolist()
    shape = {"label": "person", "points": points, "shape_type": "polygon"}
    return {"shapes": [shape], "imageHeight": HEIGHT, "imageWidth": WIDTH, "imagePath": "a.png"}
