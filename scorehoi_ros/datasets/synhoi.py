"""`synhoi-test`: the truth is a file of the package, the images are rendered from it and kept in a cache."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from scorehoi_ros.assets import model_file
from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.datasets.dataset import Dataset, Human, Item, Request, Sample, Truth
from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.files import cache_folder, whole_file
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix
from scorehoi_ros.npz import Field, Layout, damage_told, read_npz
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.synth.scene.plots import RATE_HZ
from scorehoi_ros.synth.truth import FIELDS, SceneTruth, unpack
from scorehoi_ros.types import Camera, Floor, Frame, HumanObservation, Landmarks, Masks

TRUTH_FILE = "synth/synhoi_test.npz"
TRUTHS = Layout("a file of scene truths", "Install the package again, or make it anew.", FIELDS)
PICTURE = Layout(
    "a cached image",
    "Delete it; it is made again.",
    {
        "png": Field("u", ("bytes",)),
        "planes": Field("u", ("*",)),
        "present": Field("b", (4,)),
        "scores": Field("f", (2,)),
        "pixels": Field("f", ("landmarks", 2)),
        "world": Field("f", ("landmarks", 3)),
        "confidence": Field("f", ("landmarks",)),
    },
)
_DRAWN_BY = ("synth", "render", "body", "objects", "geometry")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """What is rendered from one truth: image, true masks, and what perception would say."""

    rgb: Any
    human_mask: Any
    """(H, W) bool, visible pixels."""
    object_mask: Any
    masks: Masks
    """As a segmenter would give them."""
    landmarks: Landmarks


Render = Callable[[SceneTruth, BodyModel, ObjectTemplate], Picture]


def open_folder(request: Request) -> Dataset:
    """The fixed test set; `root` may name another file of truths in the same layout.

    Raises InputError for the split of training, which it does not have.
    """
    if request.split == "train":
        raise InputError("synhoi-test holds test scenes alone. Make others: scorehoi synth --split train.")
    path = request.root if request.root is not None else model_file(TRUTH_FILE)
    return open_truths(path, render, renderer_version() if request.cache else None)


def open_truths(path: Path, make: Render, cache_version: str | None) -> Dataset:
    """A data set from packed truths; images are kept under `cache_version` (None = not at all).

    Raises InputError when the file is missing, damaged or of another version.
    """
    truths, digest = read_truths(path)
    pictures = Pictures(make, None if cache_version is None else images_folder(digest, cache_version))
    singles = [_item(truth, 0, pictures) for truth in truths if not sequence_of(truth.key)]
    moving = [truth for truth in truths if sequence_of(truth.key)]
    sequences = [
        [_item(truth, place, pictures) for place, truth in enumerate(group)]
        for _, group in groupby(moving, key=lambda truth: sequence_of(truth.key))
    ]
    version = f"truth {digest[:12]}, {len(singles)} scenes, {len(sequences)} sequences"
    return Dataset("synhoi-test", version, singles, sequences)


def renderer_version() -> str:
    """Changes with the code and the data that draw, so that old images are never shown for new ones."""
    package = Path(__file__).parents[1]
    sources = [path for folder in _DRAWN_BY for path in sorted((package / folder).rglob("*.py"))]
    digest = hashlib.sha256()
    for source in (*sources, model_file("body_anny.npz"), model_file("detector_noise.json")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def read_truths(path: Path) -> tuple[list[SceneTruth], str]:
    """The truths in a file and the sha256 of the file."""
    with damage_told(path, TRUTHS):
        content = path.read_bytes()
        return unpack(read_npz(path, TRUTHS, content=content)), hashlib.sha256(content).hexdigest()


def sequence_of(key: str) -> str:
    """Name of the sequence that a frame belongs to ("test/seq003"), empty for single scenes."""
    return key.rpartition("/")[0] if key.count("/") > 1 else ""


def images_folder(digest: str, version: str) -> Path:
    """Where the images of one file of truths are kept."""
    return cache_folder("synhoi-test", f"{digest[:16]}-{version}")


@dataclass(frozen=True)
class Pictures:
    """Images by truth, from the cache where they are in it."""

    make: Render
    folder: Path | None

    def get(self, truth: SceneTruth, body: BodyModel, template: ObjectTemplate) -> Picture:
        """The picture of a truth; a cache that cannot be read or written is only logged."""
        if self.folder is None:
            return self.make(truth, body, template)
        path = self.folder / f"{truth.key}.npz"
        picture = read_picture(path, truth)
        if picture is None:
            picture = self.make(truth, body, template)
            try:
                write_picture(path, picture)
            except OutputError as error:
                _log.warning("the image of %s is not cached: %s", truth.key, error)
        return picture


def write_picture(path: Path, picture: Picture) -> None:
    """Keep a picture: the image as PNG, masks as bits."""
    landmarks, masks = picture.landmarks, picture.masks
    planes = [picture.human_mask, picture.object_mask, masks.human, masks.object]
    none = np.zeros(picture.rgb.shape[:2], bool)
    with whole_file(path) as temporary:
        np.savez(
            temporary,
            png=cv2.imencode(".png", cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2BGR))[1],
            planes=np.packbits(np.stack([none if plane is None else plane for plane in planes])),
            present=np.array([plane is not None for plane in planes]),
            scores=np.array([masks.human_score, masks.object_score]),
            pixels=landmarks.pixels,
            world=landmarks.world,
            confidence=landmarks.confidence,
        )


def read_picture(path: Path, truth: SceneTruth) -> Picture | None:
    """A kept picture, or None when there is none or it is damaged (it is then rendered again)."""
    if not path.is_file():
        return None
    size = (truth.height, truth.width)
    try:
        with damage_told(path, PICTURE):
            data = read_npz(path, PICTURE)
            bgr = cv2.imdecode(data["png"], cv2.IMREAD_COLOR) if data["png"].size else None
            if bgr is None or bgr.shape[:2] != size:
                raise ValueError(f"it holds no image of {truth.width} x {truth.height} pixels")
            count = 4 * truth.height * truth.width
            planes = np.unpackbits(data["planes"], count=count).astype(bool).reshape(4, *size)
            kept = [p if there else None for p, there in zip(planes, data["present"], strict=True)]
            scores = [float(score) for score in data["scores"]]
            landmarks = Landmarks(data["pixels"], data["world"], data["confidence"])
    except (InputError, cv2.error) as error:
        _log.warning("a cached image is damaged and is rendered again: %s", error)
        return None
    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    return Picture(rgb, kept[0], kept[1], Masks(kept[2], kept[3], scores[0], scores[1]), landmarks)


def sample_of(
    truth: SceneTruth, picture: Picture, place: int, human: Human, template: ObjectTemplate
) -> Sample:
    """The sample of one truth; `place` in its sequence gives the time."""
    camera = Camera(truth.K, truth.width, truth.height)
    frame = Frame(picture.rgb, camera, round(place * 1e9 / RATE_HZ), name=truth.key, masks=picture.masks)
    floor = Floor(truth.floor_normal, truth.floor_offset, "gravity")
    known = Truth(human, truth.T_cam_object, template, floor, picture.human_mask, picture.object_mask)
    soft = None if picture.masks.human is None else picture.masks.human.astype(np.float32)
    return Sample(truth.key, frame, known, HumanObservation(picture.landmarks, soft), truth.interaction)


def _item(truth: SceneTruth, place: int, pictures: Pictures) -> Item:
    return Item(truth.key, partial(_load, truth, place, pictures))


def _load(truth: SceneTruth, place: int, pictures: Pictures) -> Sample:
    # The truths are parameters of this body, whatever body a method uses.
    body = free_body()
    template = load_template(truth.object_spec)
    picture = pictures.get(truth, body, template)
    return sample_of(truth, picture, place, _posed(truth, body), template)


@cache
def _layer() -> BodyLayer:
    return BodyLayer(free_body(), dtype=torch.float64)


def _posed(truth: SceneTruth, body: BodyModel) -> Human:
    rotations = axis_angle_to_matrix(torch.as_tensor(truth.pose))
    with torch.no_grad():
        arrays = _layer()(
            rotations[None], torch.as_tensor(truth.betas)[None], torch.as_tensor(truth.root)[None]
        )
    vertices, joints = (a[0].numpy() for a in arrays)
    return Human(vertices, body.faces, joints)


def render(truth: SceneTruth, body: BodyModel, template: ObjectTemplate) -> Picture:
    """Picture of a truth as `synth.observe` sees it."""
    from scorehoi_ros.synth.sensor.observe import observe

    seen = observe(truth, body, template)
    return Picture(seen.rgb, seen.human_mask, seen.object_mask, seen.masks, seen.landmarks)
