"""From the truth of a scene to what a camera, a landmark detector and a segmenter would see of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.geometry.camera import project, square_crop
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.render.fast import bounds, draw_fast, project_fast
from scorehoi_ros.synth.picture.photograph import CropView, Style, take_picture
from scorehoi_ros.synth.picture.posed import CROP, LANDMARKS, MASKS, Posed, pose_scene, stream
from scorehoi_ros.synth.sensor.landmark_noise import hidden_states, load_noise, noisy_landmarks
from scorehoi_ros.synth.sensor.mask_noise import segmenter_masks
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Bools, Box, Floats, Landmarks, Masks

OUTLINE_SIZE = 64
"""Side in pixels of the picture on which the whole outline of an object is measured."""


@dataclass(frozen=True)
class Observation:
    """What is seen in one view; landmarks are in pixels of the whole image."""

    rgb: NDArray[np.uint8] | None
    """(H, W, 3); black where the view reaches beyond the image.  None = no picture was asked for."""
    human_mask: Bools
    """(H, W) true mask, what is in front hides what is behind."""
    object_mask: Bools
    """(H, W)"""
    human_whole: Bools
    """(H, W) its whole outline inside the image, also where it is hidden."""
    object_whole: Bools
    """(H, W)"""
    depth: NDArray[np.float32]
    """(H, W) metres to body or object, 0 = neither."""
    landmarks: Landmarks
    masks: Masks
    """As a segmenter would give them."""
    states: NDArray[np.integer]
    """(75,) which landmarks are hidden, see `landmark_noise`."""
    object_visible: float
    """Share of the object's outline that is neither hidden nor outside the view, 0..1."""
    view: CropView


def observe(
    truth: SceneTruth,
    body: BodyModel,
    template: ObjectTemplate,
    style: Style | None = None,
    view: CropView | None = None,
) -> Observation:
    """See `Observation`; `view` None = the whole image.  Equal truth, view and style give equal results."""
    style, view = style or Style(), view or whole_view(truth)
    posed = pose_scene(truth, body, template)
    return observe_posed(truth, posed, body, template, style, view)


def observe_posed(
    truth: SceneTruth,
    posed: Posed,
    body: BodyModel,
    template: ObjectTemplate,
    style: Style | None,
    view: CropView,
) -> Observation:
    """`observe` for a scene that is posed already; `style` None = without a picture."""
    seen = surfaces(posed, body, template, view)
    states = hidden_states(posed.landmarks, view.K, seen.depth, seen.thing)
    landmarks = noisy_landmarks(
        posed.landmarks, states, truth.K, truth.width, truth.height, load_noise(), stream(truth, LANDMARKS)
    )
    return Observation(
        rgb=take_picture(truth, posed, body, template, style, view, seen.depth) if style else None,
        human_mask=seen.human,
        object_mask=seen.thing,
        human_whole=seen.human_whole,
        object_whole=seen.thing_whole,
        depth=seen.depth,
        landmarks=landmarks,
        masks=segmenter_masks(seen.human, seen.thing, stream(truth, MASKS)),
        states=states,
        object_visible=seen.visible,
        view=view,
    )


def whole_view(truth: SceneTruth) -> CropView:
    """The image itself."""
    K = np.asarray(truth.K, np.float64)
    return CropView(K, truth.width, truth.height, np.eye(3), truth.width, truth.height)


def crop_view(truth: SceneTruth, posed: Posed, size: int) -> CropView:
    """A square crop around body and object, `size` pixels a side, placed a little at random, as by masks."""
    rng = stream(truth, CROP)
    points = np.concatenate([posed.vertices, posed.thing])
    pixels = project(points[points[:, 2] > 0.05], truth.K)
    first, last = bounds(pixels)
    low, high = np.maximum(first, -0.5), np.minimum(last, [truth.width - 0.5, truth.height - 0.5])
    extent = float(max((high - low).max(), 2.0))
    x, y = (low + high) / 2 + rng.normal(0, 0.02, 2) * extent + 0.5
    half = extent / 2
    margin = 0.2 * float(np.exp(rng.normal(0, 0.3)))
    crop = square_crop(Box(x - half, y - half, x + half, y + half), truth.K, margin, size)
    return CropView(crop.K_crop, size, size, crop.T_crop_image, truth.width, truth.height)


@dataclass(frozen=True)
class Surfaces:
    """What a view shows of body and object; pictures (H, W), nothing beyond the image."""

    depth: NDArray[np.float32]
    """Metres to the nearer of the two, 0 = neither."""
    human: Bools
    """Visible."""
    thing: Bools
    human_whole: Bools
    """Also where it is hidden."""
    thing_whole: Bools
    visible: float
    """Share of the object's outline that is neither hidden nor outside the view, 0..1."""


def surfaces(posed: Posed, body: BodyModel, template: ObjectTemplate, view: CropView) -> Surfaces:
    """Draw body and object, without colours."""
    human = project_fast(posed.vertices, view.K)
    thing = project_fast(posed.thing, view.K)
    key_h, _ = draw_fast(human, body.faces, view.width, view.height)
    key_o, _ = draw_fast(thing, template.mesh.faces, view.width, view.height, cull=False)
    inside = view.on_image()
    key = np.where(inside, np.maximum(key_h, key_o), np.float32(0))
    depth = np.divide(1.0, key, out=np.zeros_like(key), where=key > 0)
    in_front = key_o > key_h
    whole = outline_area(posed.thing, template, view.K)
    seen = (key > 0) & in_front
    return Surfaces(
        depth=depth,
        human=(key > 0) & ~in_front,
        thing=seen,
        human_whole=inside & (key_h > 0),
        thing_whole=inside & (key_o > 0),
        visible=float(min(seen.sum() / max(whole, 1.0), 1.0)),
    )


def outline_area(thing: Floats, template: ObjectTemplate, K: Floats) -> float:
    """Pixels that the whole outline of an object would cover on an endless image; inf when it is too near."""
    screen = project_fast(thing, K)
    if not np.isfinite(screen).all():
        return np.inf
    low, extent = screen[:, :2].min(axis=0), max(float(np.ptp(screen[:, :2], axis=0).max()), 1e-6)
    scale = (OUTLINE_SIZE - 4) / extent
    screen[:, :2] = (screen[:, :2] - low) * scale + 2
    _, face = draw_fast(screen, template.mesh.faces, OUTLINE_SIZE, OUTLINE_SIZE, cull=False)
    return float((face >= 0).sum()) / scale**2
