"""What one image says, cropped and turned into tensors.

What only some methods ask for is made when it is first asked for, and kept.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scorehoi_ros.energy.image import Outline
from scorehoi_ros.geometry.camera import Crop, crop_image, square_crop
from scorehoi_ros.perception.human.placing import BODY_ROWS, turn_to_view
from scorehoi_ros.types import Bools, Box, Floats, Frame, HumanPose, Landmarks, Masks

CROP_SIZE = 256
"""Side of the square crop around human and object; landmark errors are reported at this scale."""
OBJECT_CROP_SIZE = 128
COVER_POINTS = 250
OUTLINE_DIRECTIONS = 32
MIN_MASK_PX = 16
"""A mask of fewer pixels says nothing about shape and distance and counts as none."""


@dataclass(frozen=True)
class Silhouette:
    """A mask in its own square crop, and what an outline or a point may be held against."""

    K: Tensor
    """(3, 3) intrinsics of the crop."""
    mask: Bools
    """(S, S)."""
    free: Bools
    """(S, S) pixels about which the mask says nothing: an occluder, or outside the image."""
    score: float
    """0..1 trust."""
    shared: Bools
    """(S, S) pixels of the mask that the other mask has, too: either may be in front."""

    @cached_property
    def distance(self) -> Tensor:
        """(S, S) pixels to the nearest pixel of mask or free, 0 inside."""
        return self._beside(distance_outside(self.mask | self.free))

    @cached_property
    def points(self) -> Tensor:
        """(m, 2) pixels of the mask, evenly thinned, that a correct silhouette must cover."""
        return self._beside(thin_points(self.mask, COVER_POINTS))

    @cached_property
    def outline(self) -> Outline:
        """Extent of the mask."""
        found = outline_of(self.mask, self.free)
        return _moved(found, self.K.device)

    @cached_property
    def from_mask(self) -> Tensor:
        """(S, S) pixels to the nearest pixel of the mask, 0 inside."""
        return self._beside(distance_outside(self.mask))

    def _beside(self, values: Floats) -> Tensor:
        """The values as float32 on the device of K."""
        return _tensor(values).to(self.K.device)

    @property
    def size(self) -> int:
        """Side S of the crop in pixels."""
        return int(self.mask.shape[0])


@dataclass(frozen=True)
class SeenLandmarks:
    """The person's landmarks as tensors."""

    pixels: Tensor
    """(75, 2) in the crop of the evidence."""
    world: Tensor
    """(75, 3) positions with camera axes at the person's viewing direction, metres."""
    confidence: Tensor
    """(75,)"""


@dataclass(frozen=True)
class Evidence:
    """Everything that one image says, looked up once, before any fit; what a method may see of the frame."""

    K: Floats
    """(3, 3) of the full image."""
    crop: Crop
    """The crop around human and object."""
    K_crop: Tensor
    """(3, 3)"""
    rgb: NDArray[np.uint8]
    """(H, W, 3) of the full image."""
    masks: Tensor
    """(3, 256, 256) bool in the same crop: human, object (false where there is no mask), inside the image."""
    landmarks: SeenLandmarks | None
    """None when nobody is in view: a human mask alone does not make a person."""
    person: HumanPose | None
    """Where the landmarks alone put the person: bone directions and a least-squares translation."""
    human: Silhouette | None
    object: Silhouette | None
    human_depth: float | None
    """Median measured depth in the human mask, metres."""
    object_depth: float | None
    """Median measured depth in the object mask, metres."""

    @cached_property
    def image(self) -> Tensor:
        """(256, 256, 3) uint8 RGB, the pixels of the crop."""
        pixels = crop_image(self.rgb, self.crop, cv2.INTER_LINEAR)
        return torch.from_numpy(pixels).to(self.K_crop.device)

    def to(self, device: torch.device | str) -> "Evidence":
        """The same with every tensor on `device`; numpy arrays stay."""
        return _moved(self, torch.device(device))


Value = TypeVar("Value")


def _moved(value: Value, device: torch.device) -> Value:
    """A dataclass with its tensors, and those of the dataclasses in it, on `device`."""
    changed: dict[str, Any] = {}
    for f in fields(value):  # type: ignore[arg-type]
        part = getattr(value, f.name)
        if isinstance(part, Tensor):
            changed[f.name] = part.to(device)
        elif is_dataclass(part):
            changed[f.name] = _moved(part, device)
    return replace(value, **changed)  # type: ignore[type-var]


def build_evidence(
    frame: Frame, masks: Masks, landmarks: Landmarks | None, person: HumanPose | None
) -> Evidence | None:
    """Crop and convert one frame's perception; `masks` are those in use (given or segmented).

    None when neither a person nor an object is in view.
    """
    K = np.asarray(frame.camera.K, dtype=np.float64)
    human_box, object_box = _human_box(masks.human, landmarks), _mask_box(masks.object)
    box = union_box(human_box, object_box)
    if box is None:
        return None
    crop = square_crop(box, K, margin=0.2, size=CROP_SIZE)
    return Evidence(
        K=K,
        crop=crop,
        K_crop=_tensor(crop.K_crop),
        rgb=frame.rgb,
        masks=torch.from_numpy(_planes(masks, crop, frame.rgb.shape[:2])),
        landmarks=_seen(landmarks, crop, K) if landmarks is not None else None,
        person=person,
        human=_silhouette(masks.human, masks.object, K, CROP_SIZE, 0.25, masks.human_score),
        object=_silhouette(masks.object, masks.human, K, OBJECT_CROP_SIZE, 0.8, masks.object_score),
        human_depth=masked_depth(frame.depth, masks.human),
        object_depth=masked_depth(frame.depth, masks.object),
    )


def _planes(masks: Masks, crop: Crop, size: tuple[int, ...]) -> Bools:
    nothing = np.zeros((crop.size, crop.size), bool)
    seen = [
        nothing if p is None else crop_image(p, crop, cv2.INTER_AREA) for p in (masks.human, masks.object)
    ]
    return np.stack([*seen, inside_image(crop, size, cv2.INTER_AREA)])


def inside_image(crop: Crop, size: tuple[int, ...], interpolation: int) -> Bools:
    """(S, S) pixels of the crop that are in the image of `size`."""
    corners = np.array([[0.0, 0.0, 1.0], [crop.size - 1.0, crop.size - 1.0, 1.0]])
    low, high = (corners @ np.linalg.inv(crop.T_crop_image).T)[:, :2]
    if (low >= 1).all() and high[0] <= size[1] - 2 and high[1] <= size[0] - 2:
        return np.ones((crop.size, crop.size), bool)
    return np.asarray(crop_image(np.ones(size, bool), crop, interpolation))


def _human_box(mask: Bools | None, landmarks: Landmarks | None) -> Box | None:
    if landmarks is None:
        return None
    return _mask_box(mask) or landmark_box(landmarks)


def _mask_box(mask: Bools | None) -> Box | None:
    """Box of a mask; None when it is empty or has fewer than `MIN_MASK_PX` pixels."""
    small = mask is None or cv2.countNonZero(_bytes(mask)) < MIN_MASK_PX
    return None if small else bounding_box(mask)


def _seen(landmarks: Landmarks, crop: Crop, K: Floats) -> SeenLandmarks:
    homogeneous = np.concatenate((landmarks.pixels, np.ones((len(landmarks.pixels), 1))), 1)
    return SeenLandmarks(
        pixels=_tensor((homogeneous @ crop.T_crop_image.T)[:, :2]),
        world=_tensor(turn_to_view(landmarks, K)),
        confidence=_tensor(landmarks.confidence),
    )


def _silhouette(
    mask: Bools | None, occluder: Bools | None, K: Floats, size: int, margin: float, score: float
) -> Silhouette | None:
    box = _mask_box(mask)
    if mask is None or box is None:
        return None
    found = silhouette(mask, occluder, box, K, size, margin, score)
    # Scattered pixels of a large box may vanish in the crop.
    return found if found.mask.any() else None


def silhouette(
    mask: Bools, occluder: Bools | None, box: Box, K: Floats, size: int, margin: float, score: float
) -> Silhouette:
    """Crop a mask (H, W) around a box; pixels of the occluder are free, or shared where they are of both."""
    crop = square_crop(box, K, margin=margin, size=size)
    inner = crop_image(mask, crop, cv2.INTER_AREA)
    free = ~inside_image(crop, mask.shape, cv2.INTER_NEAREST)
    other = np.zeros_like(inner) if occluder is None else crop_image(occluder, crop, cv2.INTER_NEAREST)
    return Silhouette(_tensor(crop.K_crop), inner, free | (other & ~inner), score, other & inner)


def outline_of(mask: Bools, free: Bools) -> Outline:
    """Extent of a mask (S, S) in `OUTLINE_DIRECTIONS` directions, to the outer edges of its pixels."""
    angles = np.arange(OUTLINE_DIRECTIONS) * 2 * np.pi / OUTLINE_DIRECTIONS
    directions = np.stack((np.cos(angles), np.sin(angles)), 1)
    if not mask.any():
        none = torch.zeros(OUTLINE_DIRECTIONS)
        return Outline(_tensor(directions), none, none.bool())
    pixels = np.argwhere(mask)[:, ::-1].astype(np.float64)
    reach = pixels @ directions.T
    extent = reach.max(0) + 0.5 * np.abs(directions).sum(1)
    near_free = cv2.dilate(free.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)[mask]
    # Hidden when anything within a pixel of the extreme line touches a free pixel.
    hidden = ((reach > reach.max(0) - 1) & near_free[:, None]).any(0)
    return Outline(_tensor(directions), _tensor(extent), torch.as_tensor(hidden))


def distance_outside(mask: Bools) -> Floats:
    """(S, S) float32 pixels to the nearest true pixel, 0 inside; the diagonal length when there is none."""
    if not mask.any():
        return np.full(mask.shape, float(np.hypot(mask.shape[0], mask.shape[1])), np.float32)
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def thin_points(mask: Bools, count: int) -> Floats:
    """About `count` pixels (m, 2) x y of a mask: half on its outline, half on a regular grid inside."""
    edge = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    outline = np.argwhere(edge)
    stride = max(1, int(np.sqrt(mask.sum() / max(count / 2, 1))))
    grid = np.zeros_like(mask)
    grid[::stride, ::stride] = True
    points = np.concatenate((outline[:: max(1, len(outline) * 2 // count)], np.argwhere(mask & grid)))
    return points[:, ::-1].astype(np.float64)


def bounding_box(mask: Bools | None) -> Box | None:
    """Box of the true pixels, or None when there are none."""
    if mask is None:
        return None
    x, y, width, height = cv2.boundingRect(_bytes(mask))
    return Box(float(x), float(y), float(x + width), float(y + height)) if width else None


def _bytes(mask: Bools) -> NDArray[np.uint8]:
    """The same memory as OpenCV wants it."""
    return np.ascontiguousarray(mask).view(np.uint8)


def landmark_box(landmarks: Landmarks) -> Box:
    """Box of the body landmarks that are somewhat visible."""
    body = landmarks.pixels[:BODY_ROWS]
    seen = body[landmarks.confidence[:BODY_ROWS] > 0.3]
    low, high = (seen if len(seen) else body).min(0), (seen if len(seen) else body).max(0)
    return Box(float(low[0]), float(low[1]), float(high[0]) + 1, float(high[1]) + 1)


def union_box(a: Box | None, b: Box | None) -> Box | None:
    """Smallest box around what is there."""
    if a is None or b is None:
        return a or b
    return Box(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))


def masked_depth(depth: Floats | None, mask: Bools | None) -> float | None:
    """Median valid depth in a mask, metres; None when fewer than 20 pixels measure."""
    if depth is None or mask is None:
        return None
    values = depth[mask]
    values = values[np.isfinite(values) & (values > 0)]
    return float(np.median(values)) if values.size >= 20 else None


def _tensor(values: Floats) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32)
