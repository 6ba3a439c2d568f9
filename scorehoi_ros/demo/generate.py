"""The demo's own clip: a bag, its ground truth beside it, and what a user would have to tell the node."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scorehoi_ros.assets import model_file
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.demo.camera import Viewpoint, demo_view
from scorehoi_ros.demo.clip import FRAME_ID, Clip, write_clip
from scorehoi_ros.demo.figure import box_mesh
from scorehoi_ros.demo.motion import BOX_SIZE_M, FRAME_RATE_HZ, Motion, load_motion
from scorehoi_ros.demo.room import load_room
from scorehoi_ros.demo.scene import pictures
from scorehoi_ros.demo.truth import Truth, camera_truth, save_truth
from scorehoi_ros.geometry.rigid import transform_points
from scorehoi_ros.types import Box, Frame

FIRST_STAMP_NS = 1_700_000_000_000_000_000
PROMPT_MARGIN_PX = 6


@dataclass(frozen=True)
class DemoClip:
    """The generated clip."""

    clip: Clip
    truth: Truth
    object_spec: str
    prompt_box: Box
    """Around the object in the first image, as a user would draw it."""
    gravity: tuple[float, float, float]
    """Camera frame; a robot knows it from its own pose or an accelerometer."""


def generate(folder: Path, body: BodyModel) -> DemoClip:
    """Write folder/clip (bag) and folder/truth.npz; the same on every run."""
    view = demo_view()
    motion = load_motion(model_file("demo/motion.npz"))
    order = there_and_back(len(motion.root))
    stamps = FIRST_STAMP_NS + (np.arange(len(order)) * 1e9 / FRAME_RATE_HZ).astype(np.int64)
    clip = write_clip(folder / "clip", demo_frames(body, motion, view, order, stamps))
    once = camera_truth(body, motion, view, stamps[: len(motion.root)])
    truth = replace(
        once,
        stamps_ns=stamps,
        vertices=once.vertices[order],
        joints=once.joints[order],
        T_cam_object=once.T_cam_object[order],
    )
    save_truth(folder / "truth.npz", truth)
    spec = "box:" + "x".join(f"{side:.2f}" for side in BOX_SIZE_M)
    gravity = tuple(float(g) for g in truth.gravity)
    return DemoClip(clip, truth, spec, first_box(truth, view), (gravity[0], gravity[1], gravity[2]))


def there_and_back(count: int) -> np.ndarray:
    """Frame numbers of the motion forwards and, stepping back the same way, backwards."""
    forwards = np.arange(count)
    return np.concatenate([forwards, forwards[-2:0:-1]])


def demo_frames(
    body: BodyModel, motion: Motion, view: Viewpoint, order: np.ndarray, stamps: np.ndarray
) -> Iterator[Frame]:
    """Frames in playing order; each picture is rendered once."""
    room = load_room(model_file("demo/room.jpg"), view)
    rendered = list(pictures(body, motion, view, room))
    for k, (frame, stamp) in enumerate(zip(order, stamps, strict=True)):
        yield Frame(rendered[frame], view.camera, int(stamp), FRAME_ID, f"{k:06d}")


def first_box(truth: Truth, view: Viewpoint) -> Box:
    """Box around the object in the first image, a few pixels wide of it."""
    corners = transform_points(truth.T_cam_object[0], box_mesh(np.array(BOX_SIZE_M), 10.0).vertices)
    pixels = (corners @ view.K.T)[:, :2] / corners[:, 2:]
    low, high = pixels.min(0) - PROMPT_MARGIN_PX, pixels.max(0) + PROMPT_MARGIN_PX
    return Box(*(round(float(v), 1) for v in (*low, *high)))
