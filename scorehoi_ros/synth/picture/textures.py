"""Random colours and seamless noise, the raw material of clothes, things and rooms."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import Floats

Float32 = NDArray[np.float32]
TILE = 256
"""Side of a noise tile in samples."""
TILES = 6


@lru_cache(maxsize=2)
def noise_tiles() -> Float32:
    """(TILES, TILE, TILE) seamless noise, mean 0, deviation 1, from coarse clouds to fine grain."""
    rng = np.random.default_rng(20240)
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(TILE) * TILE] * 2))
    frequency[0, 0] = 1.0
    tiles = []
    for power in np.linspace(2.2, 0.4, TILES):
        spectrum = np.fft.fft2(rng.normal(size=(TILE, TILE))) / frequency**power
        spectrum[0, 0] = 0.0
        tile = np.fft.ifft2(spectrum).real
        tiles.append(tile / tile.std())
    return np.array(tiles, np.float32)


def noise_at(u: Floats, v: Floats, size: float, tile: int) -> Float32:
    """Noise at coordinates u, v (any equal shape) in metres; the pattern repeats after `size` metres."""
    grain = noise_tiles()[tile % TILES]
    column = (u * np.float32(TILE / size)).astype(np.int32) & (TILE - 1)
    row = (v * np.float32(TILE / size)).astype(np.int32) & (TILE - 1)
    return np.asarray(grain[row, column])


def hsv(hue: float, saturation: float, value: float) -> Floats:
    """(3,) RGB 0..1 of hue, saturation and value 0..1."""
    pixel = np.array([[[hue % 1.0 * 360.0, saturation, value]]], np.float32)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0], np.float64)


def any_colour(rng: np.random.Generator) -> Floats:
    """(3,) any colour, rarely shrill."""
    return hsv(rng.random(), float(rng.beta(1.6, 2.0)), rng.uniform(0.15, 0.95))


def cloth_colour(rng: np.random.Generator) -> Floats:
    """(3,) colours as people wear them: mostly black, white, grey, denim, navy and beige."""
    common = np.array(
        [
            (0.10, 0.10, 0.11),
            (0.20, 0.20, 0.22),
            (0.45, 0.45, 0.46),
            (0.88, 0.88, 0.87),
            (0.13, 0.17, 0.30),
            (0.25, 0.34, 0.48),
            (0.42, 0.52, 0.66),
            (0.70, 0.62, 0.50),
            (0.36, 0.28, 0.22),
            (0.30, 0.34, 0.24),
            (0.48, 0.12, 0.14),
        ]
    )
    if rng.random() < 0.35:
        return any_colour(rng)
    chosen = common[rng.integers(len(common))] + rng.normal(0, 0.03, 3)
    return np.asarray(np.clip(chosen * rng.uniform(0.8, 1.2), 0.03, 0.97))


def wood_colour(rng: np.random.Generator) -> Floats:
    """(3,) from pale birch to dark walnut."""
    pale, dark = np.array([0.80, 0.64, 0.44]), np.array([0.30, 0.19, 0.12])
    share = rng.random()
    return np.asarray(np.clip(pale * (1 - share) + dark * share + rng.normal(0, 0.03, 3), 0.05, 0.95))
