"""How synthetic objects look: materials for each kind, for each pixel from its place on the object."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.geometry.mesh import Mesh, components
from scorehoi_ros.render.shading import creased
from scorehoi_ros.synth.picture.textures import any_colour, cloth_colour, noise_at, wood_colour
from scorehoi_ros.types import Floats, Ints

Float32 = NDArray[np.float32]
WOODEN = frozenset(
    {"table", "round_table", "stool", "chair", "bench", "board", "ladder", "armchair", "broom"}
)
SOFT = frozenset({"backpack", "handbag", "mat", "umbrella"})
TEXTURES = ("plain", "plain", "speckle", "bands", "patches", "label")
MOST_COLOURS = 4


@dataclass(frozen=True)
class Shape:
    """An object's surface ready for shading, in its own frame."""

    vertices: Float32
    """(3m, 3) corners of the faces, metres."""
    normals: Float32
    """(3m, 3) smooth over gentle bends, sharp over edges."""
    faces: NDArray[np.int32]
    """(m, 3)"""
    kinds: NDArray[np.uint8]
    """(m,) 0 .. MOST_COLOURS - 1: pieces of equal size share a kind, as the legs of a chair."""
    size: float
    """Longest side of the box around it, metres."""


@dataclass(frozen=True)
class Material:
    """Colours and texture of an object."""

    palette: Float32
    """(MOST_COLOURS, 3)"""
    texture: str
    scale: float
    """Metres of one repetition."""
    contrast: float
    gloss: float
    shift: Floats
    """(3,) metres: where the texture starts."""
    second: Floats
    """(3,)"""


def make_shape(mesh: Mesh) -> Shape:
    """Prepare a mesh for drawing."""
    corners, faces, normals = creased(mesh.vertices, mesh.faces)
    labels = components(mesh)
    sizes = [
        np.sort(np.ptp(mesh.vertices[mesh.faces[labels == k]].reshape(-1, 3), axis=0))
        for k in range(labels.max() + 1)
    ]
    signatures = np.round(np.array(sizes) / 0.03).astype(int)
    _, kind = np.unique(signatures, axis=0, return_inverse=True)
    return Shape(
        corners.astype(np.float32),
        normals.astype(np.float32),
        faces.astype(np.int32),
        (kind.ravel()[labels] % MOST_COLOURS).astype(np.uint8),
        float(np.ptp(mesh.vertices, axis=0).max()),
    )


def sample_material(rng: np.random.Generator, label: str, size: float) -> Material:
    """A material as a thing of this kind and of this size (metres) may have, drawn at random."""
    base = any_colour(rng) if rng.random() < 0.6 else cloth_colour(rng)
    texture, contrast, gloss = (
        TEXTURES[rng.integers(len(TEXTURES))],
        rng.uniform(0.1, 0.9),
        rng.uniform(0.0, 0.5),
    )
    if label in WOODEN and rng.random() < 0.55:
        base, texture, contrast, gloss = (
            wood_colour(rng),
            "grain",
            rng.uniform(0.1, 0.4),
            rng.uniform(0, 0.25),
        )
    elif label == "box" and rng.random() < 0.55:
        base, texture, gloss = np.array([0.74, 0.56, 0.37]) * rng.uniform(0.8, 1.15), "label", 0.02
    elif label == "ball" and rng.random() < 0.6:
        texture, contrast = "panels", 1.0
    elif label in SOFT:
        base, gloss = cloth_colour(rng), 0.03
    palette = np.array([base, _partner(rng, base), _partner(rng, base), _partner(rng, base)])
    return Material(
        palette=np.clip(palette, 0.03, 0.97).astype(np.float32),
        texture=texture,
        scale=float(size * rng.uniform(0.1, 0.5)),
        contrast=float(contrast),
        gloss=float(gloss),
        shift=rng.uniform(0, 2, 3),
        second=any_colour(rng) if rng.random() < 0.7 else rng.choice([0.05, 0.95]) * np.ones(3),
    )


def paint_thing(material: Material, shape: Shape, rest: Float32, faces: Ints) -> Float32:
    """Colours (n, 3) at n pixels: `rest` (n, 3) places in the object's frame, `faces` (n,) their faces."""
    colours = material.palette[shape.kinds[faces]]
    p = rest + material.shift.astype(np.float32)
    mix, tone = _TEXTURES[material.texture](p, rest, material.scale)
    share = (np.float32(material.contrast) * mix)[:, None]
    colours = colours * (1 - share) + material.second.astype(np.float32) * share
    worn = noise_at(p[:, 0] + 0.4 * p[:, 2], p[:, 1] + 0.6 * p[:, 2], 0.7, 1)
    return np.asarray(colours * (1 + np.float32(0.12) * tone + np.float32(0.03) * worn)[:, None], np.float32)


Mix = tuple[Float32, Float32]


def _plain(p: Float32, rest: Float32, scale: float) -> Mix:
    none = np.zeros(len(p), np.float32)
    return none, none


def _speckle(p: Float32, rest: Float32, scale: float) -> Mix:
    return np.zeros(len(p), np.float32), noise_at(p[:, 0] + p[:, 2], p[:, 1] + p[:, 2], 0.5, 4)


def _bands(p: Float32, rest: Float32, scale: float) -> Mix:
    return (np.mod(p[:, 1] / np.float32(scale), 1.0) < 0.35).astype(np.float32), np.zeros(len(p), np.float32)


def _patches(p: Float32, rest: Float32, scale: float) -> Mix:
    grain = noise_at(p[:, 0] + 0.5 * p[:, 2], p[:, 1] - 0.5 * p[:, 2], 6 * scale, 0)
    return (grain > 0.4).astype(np.float32), np.zeros(len(p), np.float32)


def _label(p: Float32, rest: Float32, scale: float) -> Mix:
    """A printed rectangle with lines of text, on the sides it happens to fall on."""
    u, v = rest[:, 0] + 0.6 * rest[:, 2], rest[:, 1] + 0.15 * rest[:, 2]
    place = (np.abs(u - 0.2 * scale) < scale) & (np.abs(v) < 0.6 * scale)
    line = np.mod(v / np.float32(0.25 * scale), 1.0) < 0.5
    text = line & (noise_at(u, v, 2.0 * scale + 0.05, 2) > 0.1)
    return (place & ~text).astype(np.float32), np.zeros(len(p), np.float32)


def _grain(p: Float32, rest: Float32, scale: float) -> Mix:
    """Wood: noise stretched along x and y."""
    tone = noise_at(0.12 * p[:, 0] + p[:, 2], 0.12 * p[:, 0] + 0.12 * p[:, 1] + 0.6 * p[:, 2], 0.4, 2)
    return np.zeros(len(p), np.float32), tone


def _panels(p: Float32, rest: Float32, scale: float) -> Mix:
    """Seams of a basketball, or dark patches of a football, by the scale."""
    unit = rest / np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-6)
    if np.mod(scale * 1000, 2) < 1:
        seam = np.minimum(
            np.abs(unit).min(axis=1), np.abs(np.abs(unit[:, 0]) - 0.72 + 0.25 * unit[:, 2] ** 2)
        )
        return (seam < 0.035).astype(np.float32), np.zeros(len(p), np.float32)
    golden = np.array([[0, 1, 1.618], [0, 1, -1.618]])
    corners = np.concatenate([np.roll(golden, k, axis=1) for k in range(3)])
    towards = np.abs(unit @ (corners / np.linalg.norm(corners[0])).T.astype(np.float32)).max(axis=1)
    return (towards > 0.94).astype(np.float32), np.zeros(len(p), np.float32)


_TEXTURES: dict[str, Callable[[Float32, Float32, float], Mix]] = {
    "plain": _plain,
    "speckle": _speckle,
    "bands": _bands,
    "patches": _patches,
    "label": _label,
    "grain": _grain,
    "panels": _panels,
}


def _partner(rng: np.random.Generator, base: Floats) -> Floats:
    """A second colour beside the first: its shade, metal, black, or another."""
    kind = rng.random()
    if kind < 0.5:
        return np.asarray(base * rng.uniform(0.55, 1.3))
    if kind < 0.7:
        return np.full(3, rng.uniform(0.5, 0.8))
    return np.full(3, rng.uniform(0.04, 0.2)) if kind < 0.85 else any_colour(rng)
