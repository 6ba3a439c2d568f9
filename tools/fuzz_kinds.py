"""The kinds of files that the fuzzer damages, and how the product reads each of them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fuzz_sound as sound
import fuzz_texts as texts
import numpy as np
from calibration_files import HEIGHT, WIDTH
from fuzz_damage import Damage, Rng, regrown, reworded, rezipped, spoiled
from fuzz_run import Kind, is_clear

from scorehoi_ros.body.load import load_body
from scorehoi_ros.datasets.synhoi import read_truths
from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.frame.glimpse import check_frame
from scorehoi_ros.geometry.camera import undistort_frame
from scorehoi_ros.interaction.pose_prior import load_prior
from scorehoi_ros.io.calibration.file import parse_camera
from scorehoi_ros.io.npz import load_label
from scorehoi_ros.io.source import open_source
from scorehoi_ros.objects.cache import cache_file, read_cached
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.runtime.layouts import check_weights
from scorehoi_ros.synth.scene.hands import read_hands
from scorehoi_ros.synth.scene.poses import read_corpus
from scorehoi_ros.synth.storage import read_shard
from scorehoi_ros.types import Camera, Frame

Use = Callable[[Path], str]
MOST_FRAMES = 30
"""A damaged file may claim any number of frames."""


def file_kind(
    name: str, damage: Damage, use: Use, contents: Callable[[], Sequence[bytes]], file: str = ""
) -> Kind:
    """A kind of input that is one file, which lies under the name `file` when it is read."""

    def make(rng: Rng) -> bytes:
        found = contents()
        return damage(found[int(rng.integers(len(found)))], rng)

    def read(content: bytes, folder: Path) -> str:
        path = folder / (file or f"x.{name}")
        path.write_bytes(content)
        return use(path)

    return Kind(name, make, read, contents)


def use_source(path: Path, masks_dir: Path | None = None) -> str:
    """Frames of a video, picture or bag, as the pipeline takes them; the reason when there is none."""
    reasons, used = [], 0
    for _, frame in zip(range(MOST_FRAMES), open_source(path, masks_dir=masks_dir).frames(), strict=False):
        reason = told(frame)
        reasons += [reason] if reason else []
        used += not reason
    if unclear := [reason for reason in reasons if not is_clear(reason)]:
        return unclear[0]
    return "" if used else (reasons or ["the source has no frame at all"])[0]


def told(frame: Frame | BadFrame) -> str:
    """Why a frame cannot be used; empty when it can.  Checks what the pipeline relies on."""
    if isinstance(frame, BadFrame):
        return frame.reason
    try:
        check_frame(frame)
        flat = undistort_frame(frame)
    except ScorehoiError as error:
        return str(error)
    assert np.isfinite(flat.camera.K).all() and flat.rgb.dtype == np.uint8
    assert flat.depth is None or (np.isfinite(flat.depth).all() and flat.depth.min() >= 0)
    return ""


def use_mask(path: Path) -> str:
    """A picture with this mask beside it."""
    photo = path.parent / "photos" / "a.png"
    photo.parent.mkdir()
    photo.write_bytes(sound.photos("png")[0])
    masks = path.parent / "masks"
    masks.mkdir()
    path.rename(masks / path.name)
    return use_source(photo, masks)


def use_template(path: Path) -> str:
    """A template whose numbers can be worked with."""
    template = load_template(str(path), cache=False)
    assert template.points.shape == (64, 3) and np.isfinite(template.points).all()
    assert np.isfinite(template.mesh.vertices).all() and np.isfinite(template.sdf.values).all()
    assert template.mesh.faces.min() >= 0 and template.mesh.faces.max() < len(template.mesh.vertices)
    return ""


def use_kept_template(path: Path) -> str:
    """The cache never fails: what is damaged is built again."""
    os.environ["XDG_CACHE_HOME"] = str(path.parent)
    kept = cache_file("0" * 64)
    kept.parent.mkdir(parents=True)
    path.rename(kept)
    read_cached(kept.stem)
    return ""


def use_shard(path: Path) -> str:
    """All scenes of a shard."""
    shard = read_shard(path)
    for row in range(len(shard)):
        shard.example(row)
    return ""


def use_camera(path: Path) -> str:
    """A picture of the calibrated size, undistorted."""
    camera: Camera = parse_camera(str(path), WIDTH, HEIGHT)
    return told(Frame(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), camera, 0))


def use_parameters(path: Path) -> str:
    """The node with these parameters, up to where it would load a pipeline."""
    from scorehoi_ros.ros.app import run_node

    asked: list[Any] = []

    def build(config: Any) -> Any:
        asked.append(config)
        raise InputError("the fuzzer has no pipeline.")

    run_node(build, ["--ros-args", "--params-file", str(path), "-p", "autostart:=true"])
    return "" if asked else "the node did not start; its log says why"


def done(read: Callable[[Path], Any]) -> Use:
    """A reader whose value nobody needs."""

    def use(path: Path) -> str:
        read(path)
        return ""

    return use


def photo_kinds() -> list[Kind]:
    """Pictures by suffix."""
    suffixes = ("jpg", "png", "webp", "bmp", "tif", "gif", "avif", "jp2")
    return [file_kind(s, spoiled, use_source, lambda s=s: sound.photos(s)) for s in suffixes]  # type: ignore[misc]


def mesh_kinds() -> list[Kind]:
    """Meshes by suffix; those that are text by words, too."""
    ways = {
        "obj": reworded,
        "off": reworded,
        "xyz": reworded,
        "ply": reworded,
        "stl": spoiled,
        "glb": spoiled,
    }
    return [file_kind(s, way, use_template, lambda s=s: sound.meshes(s)) for s, way in ways.items()]  # type: ignore[misc]


FILES = [
    *photo_kinds(),
    *mesh_kinds(),
    file_kind("mp4", spoiled, use_source, lambda: sound.videos("mp4", "libx264")),
    file_kind("avi", spoiled, use_source, lambda: sound.videos("avi", "mjpeg", "yuvj420p")),
    file_kind("webm", spoiled, use_source, lambda: sound.videos("webm", "libvpx")),
    file_kind("ts", spoiled, use_source, lambda: sound.videos("ts", "mpeg2video")),
    file_kind("mcap", spoiled, use_source, sound.mcaps),
    file_kind("db3", spoiled, use_source, sound.sqlites),
    file_kind("mask-png", spoiled, use_mask, sound.mask_pictures, "a_human.png"),
    file_kind("mask-json", regrown, use_mask, sound.mask_trees, "a_human.json"),
    file_kind("mask-coco", regrown, use_mask, sound.mask_sets, "a.json"),
    file_kind("body-npz", rezipped, done(load_body), sound.shipped("body_anny.npz"), "x.npz"),
    file_kind("label-npz", rezipped, done(load_label), sound.labels, "x.npz"),
    file_kind("shard-npz", rezipped, use_shard, sound.shards, "x.npz"),
    file_kind("truth-npz", rezipped, done(read_truths), sound.shipped("synth/synhoi_test.npz"), "x.npz"),
    file_kind("poses-npz", rezipped, done(read_corpus), sound.shipped("synth/poses.npz"), "x.npz"),
    file_kind("hands-npz", rezipped, done(read_hands), sound.shipped("synth/hands.npz"), "x.npz"),
    file_kind("cache-npz", rezipped, use_kept_template, sound.kept_templates, "x.npz"),
    file_kind("prior", spoiled, done(load_prior), sound.shipped("pose_prior.safetensors"), "x.safetensors"),
    file_kind("weights", spoiled, done(check_weights), sound.shipped("stage1/geometry.safetensors"),
              "geometry.safetensors"),
    file_kind("camera-yaml", reworded, use_camera, lambda: texts.calibrations(".yaml", ".yml"), "x.yaml"),
    file_kind("camera-xml", reworded, use_camera, lambda: texts.calibrations(".xml"), "x.xml"),
    file_kind("camera-json", regrown, use_camera, lambda: texts.calibrations(".json"), "x.json"),
    file_kind("ros-params", reworded, use_parameters, lambda: texts.PARAMETERS, "x.yaml"),
]  # fmt: skip
