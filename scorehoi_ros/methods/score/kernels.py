"""From x to the alignment's unknowns and back, with gradients, compiled: one CPU thread, without the GIL.

All arrays are float64 with a row for each of H states; x (H, 331) as `diffusion.unknowns`, values (H, 331) as
`alignment.state`, R_o (H, 3, 3) object -> view, `focal` in sides of the crop.
"""

import math
from pathlib import Path
from zlib import crc32

import numpy as np

from scorehoi_ros.alignment import kernels_rotation
from scorehoi_ros.alignment.kernels_rotation import six_to_matrix, turned
from scorehoi_ros.alignment.state import BETA_0, CAMERA_0, NUM_THETA, PLACE_0, TURN_0
from scorehoi_ros.diffusion.unknowns import BETA_RANGE, BETAS, PLACE, ROTATION
from scorehoi_ros.geometry.view import LEAST_DEPTH_M
from scorehoi_ros.jit import inner, kernel
from scorehoi_ros.types import NUM_BETAS

_X_ROTATION, _X_PLACE = ROTATION.start, PLACE.start
_SIX_FOR_THREE = 0.5
"""A turn changes six numbers of x but is three unknowns; the prior counts it twice."""
assert BETAS.start == BETA_0 == NUM_THETA, "pose and shape stand in one order in x and in the unknowns"


@inner
def _dot(x, o, R, c):  # type: ignore[no-untyped-def]
    """Three numbers of x from o on, along column c of R."""
    return x[o] * R[0, c] + x[o + 1] * R[1, c] + x[o + 2] * R[2, c]


@inner
def _pelvis(values, focal):  # type: ignore[no-untyped-def]
    z = math.exp(values[CAMERA_0 + 2]) * focal
    metre = z / (2 * focal)
    return values[CAMERA_0] * metre, values[CAMERA_0 + 1] * metre, z


@inner
def _six(x, o, R):  # type: ignore[no-untyped-def]
    """Two columns of R into x[o:o + 6]."""
    for a in range(3):
        x[o + a] = R[a, 0]
        x[o + 3 + a] = R[a, 1]


@inner
def six_of_torque(x, o, torque, t, R, out):  # type: ignore[no-untyped-def]
    """Gradient by the 6D rotation x[o:o + 6] into out[o:o + 6], from that by a small turn after it.

    The latter is torque[t:t + 3]; R becomes the rotation.
    """
    six_to_matrix(x, o, R)
    t1, t2, t3 = _dot(torque, t, R, 0), _dot(torque, t, R, 1), _dot(torque, t, R, 2)
    length, across = _dot(x, o, R, 0), _dot(x, o + 3, R, 1)
    leaning = _dot(x, o + 3, R, 0) / across
    for a in range(3):
        out[o + a] = (t3 * R[a, 1] - (t2 + t1 * leaning) * R[a, 2]) / length
        out[o + 3 + a] = t1 * R[a, 2] / across


@inner
def along_rotation(x, o, by, R, out):  # type: ignore[no-untyped-def]
    """The part of a gradient by[o:o + 6] that turns an orthonormal x[o:o + 6], into out[o:o + 6].

    The rest, three numbers of six, only says that 6D rotations are orthonormal, and loudly: where there is
    little noise the prior is sure of nothing more.
    """
    six_to_matrix(x, o, R)
    about1, about2 = _dot(by, o + 3, R, 2), _dot(by, o, R, 2)
    about3 = (_dot(by, o, R, 1) - _dot(by, o + 3, R, 0)) / 2
    for a in range(3):
        out[o + a] = about2 * R[a, 2] + about3 * R[a, 1]
        out[o + 3 + a] = about1 * R[a, 2] - about3 * R[a, 0]


@inner
def _to_values(x, camera, focal, values, R_o):  # type: ignore[no-untyped-def]
    values[:NUM_THETA] = x[:NUM_THETA]
    for k in range(NUM_BETAS):
        values[BETA_0 + k] = x[BETA_0 + k] * BETA_RANGE
    for a in range(3):
        values[CAMERA_0 + a] = camera[a]
        values[TURN_0 + a] = 0.0
    px, py, pz = _pelvis(values, focal)
    seen = 2 * focal / (pz + x[_X_PLACE + 2])
    values[PLACE_0] = (px + x[_X_PLACE]) * seen
    values[PLACE_0 + 1] = (py + x[_X_PLACE + 1]) * seen
    values[PLACE_0 + 2] = x[_X_PLACE + 2]
    six_to_matrix(x, _X_ROTATION, R_o)


@inner
def _to_x(values, R_o, focal, R, x):  # type: ignore[no-untyped-def]
    turned(values, TURN_0, R_o, R)
    _six(x, _X_ROTATION, R)
    for o in range(0, NUM_THETA, 6):
        six_to_matrix(values, o, R)
        _six(x, o, R)
    for k in range(NUM_BETAS):
        x[BETA_0 + k] = values[BETA_0 + k] / BETA_RANGE
    px, py, pz = _pelvis(values, focal)
    far = max(pz + values[PLACE_0 + 2], LEAST_DEPTH_M)
    x[_X_PLACE] = values[PLACE_0] * far / (2 * focal) - px
    x[_X_PLACE + 1] = values[PLACE_0 + 1] * far / (2 * focal) - py
    x[_X_PLACE + 2] = far - pz


@inner
def _by_x(gradient, x, values, focal, R, out):  # type: ignore[no-untyped-def]
    out[:NUM_THETA] = gradient[:NUM_THETA]
    for k in range(NUM_BETAS):
        out[BETA_0 + k] = gradient[BETA_0 + k] * BETA_RANGE
    px, py, pz = _pelvis(values, focal)
    ox, oy, oz = px + x[_X_PLACE], py + x[_X_PLACE + 1], pz + x[_X_PLACE + 2]
    metre = 2 * focal / oz
    u, v = gradient[PLACE_0] * metre, gradient[PLACE_0 + 1] * metre
    out[_X_PLACE], out[_X_PLACE + 1] = u, v
    out[_X_PLACE + 2] = gradient[PLACE_0 + 2] - (u * ox + v * oy) / oz
    six_of_torque(x, _X_ROTATION, gradient, TURN_0, R, out)


@inner
def _by_values(score, by, values, R_o, turn_sigma, R, out):  # type: ignore[no-untyped-def]
    """`by` is the score in standard deviations of x."""
    for k in range(NUM_BETAS):
        out[BETA_0 + k] = by[BETA_0 + k]
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        torque = 0.0
        for k in range(2):
            o = _X_ROTATION + 3 * k
            torque += R_o[b, k] * score[o + c] - R_o[c, k] * score[o + b]
        out[CAMERA_0 + a] = 0.0
        out[PLACE_0 + a] = by[_X_PLACE + a]
        out[TURN_0 + a] = _SIX_FOR_THREE * turn_sigma[a] * torque
    for o in range(0, NUM_THETA, 6):
        along_rotation(values, o, by, R, out)


def _compiled(sources):  # type: ignore[no-untyped-def]
    """The kernels; `sources` goes into the keys of their caches."""

    @kernel
    def to_values(x, camera, focal, values, R_o):  # type: ignore[no-untyped-def]
        """Fill values and R_o from x with the pelves' `camera` (H, 3)."""
        _ = sources
        for h in range(len(x)):
            _to_values(x[h], camera[h], focal, values[h], R_o[h])

    @kernel
    def to_x(values, R_o, focal, x):  # type: ignore[no-untyped-def]
        """Fill x from values and R_o, with turns done and rotations made orthonormal."""
        _, R = sources, np.empty((3, 3))
        for h in range(len(x)):
            _to_x(values[h], R_o[h], focal, R, x[h])

    @kernel
    def by_x(gradient, x, values, focal, out):  # type: ignore[no-untyped-def]
        """Fill `out` with the gradient by x of what has `gradient` by the values, the pelves fixed."""
        _, R = sources, np.empty((3, 3))
        for h in range(len(x)):
            _by_x(gradient[h], x[h], values[h], focal, R, out[h])

    @kernel
    def by_values(score, spread, values, R_o, turn_sigma, out):  # type: ignore[no-untyped-def]
        """Fill `out` with a prior's gradient by the unknowns in standard deviations, from `score` by x.

        `spread` (H, 331) are those of x, `turn_sigma` (3,) those of the turn; the camera's part becomes 0.
        """
        _, R = sources, np.empty((3, 3))
        for h in range(len(score)):
            _by_values(score[h], score[h] * spread[h], values[h], R_o[h], turn_sigma, R, out[h])

    return to_values, to_x, by_x, by_values


# numba's cache looks at the file of the kernel alone, not at those of the functions that it calls.
to_values, to_x, by_x, by_values = _compiled(
    crc32(b"".join(Path(file).read_bytes() for file in (__file__, kernels_rotation.__file__)))
)
