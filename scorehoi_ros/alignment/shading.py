"""Which of several poses the shading of an object speaks for: faces that turn alike are lit alike.

An outline often fits several poses, of a box or a backpack; the brightness inside it does not.  Under distant
lights a matt surface is as bright as a linear function of its normal (the first order of Basri and Jacobs,
2003, where shadows are left out), so the colours inside the mask are fitted by the normals that a pose puts
there, and what of their variance is explained is compared between poses.  Colours and patterns of the object
itself are noise to it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.jit import kernel
from scorehoi_ros.types import Bools, Floats, Ints

_RIDGE = 0.01
"""Holds the fit where all faces that are seen turn alike."""
_NOISE = 1e-4
"""Variance of the colours (0..1, all channels) that is no shading: without contrast nothing is said."""
_LEAST_PIXELS = 20
_HELD = np.diag([0.0, 1.0, 1.0, 1.0])
"""Of a constant and the coordinates of a normal, those that the ridge holds."""


@dataclass(frozen=True)
class Shaded:
    """The colours inside an object's mask."""

    inner: Bools
    """(S, S) pixels of the mask that are not at its edge."""
    colours: NDArray[np.float32]
    """(S, S, 3) RGB 0..1, less their mean over `inner`; 0 elsewhere."""
    spread: float
    """Sum of their squares over `inner`, with the noise."""


def shaded_of(mask: Bools, picture: NDArray[np.uint8]) -> Shaded | None:
    """From a mask (S, S) and a picture (S, S, 3) RGB; None where too little of it is seen."""
    eroded = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    # Thin things have little but edges.
    inner = eroded if 2 * eroded.sum() > mask.sum() else mask
    count = int(inner.sum())
    if count < 2 * _LEAST_PIXELS:
        return None
    told = picture[inner].astype(np.float32) / 255
    told -= told.mean(0)
    colours = np.zeros(picture.shape, np.float32)
    colours[inner] = told
    return Shaded(inner, colours, float(np.square(told).sum()) + _NOISE * count)


def explained(shaded: Shaded, normals: Floats, face: Ints) -> float:
    """Share 0..1 of the variance inside the mask that the faces of one pose explain.

    normals (m, 3) unit, view frame; face (S, S) index of the face drawn at each pixel, -1 = none.  A pixel of
    the mask on which nothing is drawn is not explained.
    """
    count, spread, A, B = _moments(np.ascontiguousarray(normals), face, shaded.inner, shaded.colours)
    if count < _LEAST_PIXELS:
        return 0.0
    w = np.linalg.solve(A + _RIDGE * count * _HELD, B)
    left = spread - 2 * float((w * B).sum()) + float((w * (A @ w)).sum())
    return max(0.0, (spread - left) / shaded.spread)


@kernel
def _moments(normals, face, inner, colours):  # type: ignore[no-untyped-def]
    """Of the pixels inside: how many, their squared colours y, and the sums of x x^T (4, 4) and x y^T (4, 3).

    x is one and the normal, turned to the camera: meshes are drawn from both sides.
    """
    count, spread = 0, 0.0
    A, B = np.zeros((4, 4)), np.zeros((4, 3))
    x, y = np.ones(4), np.zeros(3)
    for i in range(face.shape[0]):
        for j in range(face.shape[1]):
            if face[i, j] < 0 or not inner[i, j]:
                continue
            normal = normals[face[i, j]]
            side = -1.0 if normal[2] > 0 else 1.0
            for k in range(3):
                x[1 + k] = side * normal[k]
                y[k] = colours[i, j, k]
                spread += y[k] * y[k]
            count += 1
            for a in range(4):
                for b in range(4):
                    A[a, b] += x[a] * x[b]
                for b in range(3):
                    B[a, b] += x[a] * y[b]
    return count, spread, A, B
