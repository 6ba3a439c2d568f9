"""What a real camera does to a picture: exposure, colour, blur, sensor noise, low resolution, JPEG."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import Floats

Float32 = NDArray[np.float32]
MIN_LOW_RES = 0.35


@dataclass(frozen=True)
class Lens:
    """One camera's faults; lengths are in pixels of the whole image."""

    gain: Floats
    """(3,) exposure and white balance."""
    gamma: float
    contrast: float
    saturation: float
    blur: float
    """Sigma in pixels of the view."""
    motion: Floats
    """(2,) pixels of the view that the camera moves while it exposes; zero = still."""
    grain: float
    """Standard deviation of the noise in the dark, 0..1."""
    shot: float
    """Noise that grows with the root of the brightness."""
    shrink: float
    """Resolution of the source in parts of the view's; 1 = full."""
    jpeg: int
    """JPEG quality, 0 = not compressed."""


def sample_lens(rng: np.random.Generator) -> Lens:
    """A camera, from a good one in good light to a webcam in a dim room."""
    poor = float(rng.beta(1.2, 2.5))
    exposure = np.exp(rng.normal(0.0, 0.18))
    angle = rng.uniform(0, np.pi)
    length = rng.uniform(1.5, 5.0) if rng.random() < 0.12 else 0.0
    return Lens(
        gain=np.clip(exposure * (1 + rng.normal(0, 0.04, 3)), 0.5, 1.7),
        gamma=float(np.exp(rng.normal(0.0, 0.15))),
        contrast=float(rng.uniform(0.8, 1.2)),
        saturation=float(rng.uniform(0.6, 1.25)),
        blur=float(0.3 + 1.1 * poor * rng.random()),
        motion=length * np.array([np.cos(angle), np.sin(angle)]),
        grain=float(0.002 + 0.03 * poor * rng.random()),
        shot=float(0.004 + 0.03 * poor * rng.random()),
        shrink=float(rng.uniform(MIN_LOW_RES, 0.9)) if rng.random() < 0.15 else 1.0,
        jpeg=int(rng.integers(35, 97)) if rng.random() < 0.7 else 0,
    )


def photograph(picture: Float32, lens: Lens, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture (H, W, 3) 0..1 as the camera records it, uint8."""
    height, width = picture.shape[:2]
    seen: NDArray[Any] = _blurred(picture, lens)
    if lens.shrink < 1.0:
        small = (max(int(width * lens.shrink), 8), max(int(height * lens.shrink), 8))
        seen = cv2.resize(seen, small, interpolation=cv2.INTER_AREA)
    seen = _toned(seen, lens)
    # in place: new arrays of this size cost as much as the sums
    noise = np.sqrt(seen)
    noise *= np.float32(lens.shot)
    noise += np.float32(lens.grain)
    noise *= grain(seen.shape, rng)
    seen += noise
    np.clip(seen, 0.0, 1.0, out=seen)
    seen *= 255
    seen += 0.5
    recorded: NDArray[Any] = seen.astype(np.uint8)
    if lens.jpeg:
        recorded = _compressed(recorded, lens.jpeg)
    if lens.shrink < 1.0:
        recorded = cv2.resize(recorded, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(recorded, np.uint8)


@lru_cache(maxsize=1)
def _samples() -> Float32:
    return np.random.default_rng(7).standard_normal(1 << 21, np.float32)


def grain(shape: tuple[int, ...], rng: np.random.Generator) -> Float32:
    """Normal noise from a random place in a long list of samples, which is quicker than new ones."""
    bank = _samples()
    count = int(np.prod(shape))
    if count > len(bank) // 2:
        return rng.standard_normal(shape, np.float32)
    start = int(rng.integers(len(bank) - count))
    return bank[start : start + count].reshape(shape)


def _blurred(picture: Float32, lens: Lens) -> Float32:
    seen = cv2.GaussianBlur(picture, (0, 0), lens.blur)
    length = float(np.hypot(*lens.motion))
    if length < 1.0:
        return np.asarray(seen, np.float32)
    half = int(np.ceil(length / 2))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for s in np.linspace(-0.5, 0.5, 8 * half + 1):
        x, y = np.round(half + s * lens.motion).astype(int)
        kernel[y, x] += 1.0
    return np.asarray(cv2.filter2D(seen, -1, kernel / kernel.sum()), np.float32)


def _toned(picture: Float32, lens: Lens) -> Float32:
    seen: NDArray[Any] = picture * lens.gain.astype(np.float32)
    np.clip(seen, 1e-4, 1.0, out=seen)
    seen = cv2.pow(seen, lens.gamma)
    grey = np.tile(np.array([0.299, 0.587, 0.114]), (3, 1))
    mix = lens.contrast * (lens.saturation * np.eye(3) + (1 - lens.saturation) * grey)
    toned = cv2.transform(seen, np.column_stack([mix, np.full(3, 0.5 - 0.5 * lens.contrast)]))
    return np.clip(toned, 0.0, 1.0).astype(np.float32, copy=False)


def _compressed(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    done, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
