"""Compiled rotations with their gradients: 6D as in `geometry/rotation.py`, and rotation vectors."""

import math

from scorehoi_ros.render.jit import kernel


@kernel
def six_to_matrix(x, R):  # type: ignore[no-untyped-def]
    """6D x (6,) to R (3, 3): Gram-Schmidt of two columns."""
    scale = 1.0 / math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2])
    e0, e1, e2 = x[0] * scale, x[1] * scale, x[2] * scale
    along = e0 * x[3] + e1 * x[4] + e2 * x[5]
    q0, q1, q2 = x[3] - along * e0, x[4] - along * e1, x[5] - along * e2
    scale = 1.0 / math.sqrt(q0 * q0 + q1 * q1 + q2 * q2)
    q0, q1, q2 = q0 * scale, q1 * scale, q2 * scale
    R[0, 0], R[1, 0], R[2, 0] = e0, e1, e2
    R[0, 1], R[1, 1], R[2, 1] = q0, q1, q2
    R[0, 2], R[1, 2], R[2, 2] = e1 * q2 - e2 * q1, e2 * q0 - e0 * q2, e0 * q1 - e1 * q0


@kernel
def six_gradient(x, R, D, out):  # type: ignore[no-untyped-def]
    """Gradient (6,) into `out`, given R of x and the gradient D (3, 3) by R."""
    e0, e1, e2, q0, q1, q2 = R[0, 0], R[1, 0], R[2, 0], R[0, 1], R[1, 1], R[2, 1]
    c0, c1, c2 = D[0, 2], D[1, 2], D[2, 2]
    # third = first x second: its gradient goes to both.
    de0, de1, de2 = D[0, 0] + q1 * c2 - q2 * c1, D[1, 0] + q2 * c0 - q0 * c2, D[2, 0] + q0 * c1 - q1 * c0
    dq0, dq1, dq2 = D[0, 1] + c1 * e2 - c2 * e1, D[1, 1] + c2 * e0 - c0 * e2, D[2, 1] + c0 * e1 - c1 * e0
    along = e0 * x[3] + e1 * x[4] + e2 * x[5]
    u0, u1, u2 = x[3] - along * e0, x[4] - along * e1, x[5] - along * e2
    scale = 1.0 / math.sqrt(u0 * u0 + u1 * u1 + u2 * u2)
    s = q0 * dq0 + q1 * dq1 + q2 * dq2
    u0, u1, u2 = (dq0 - s * q0) * scale, (dq1 - s * q1) * scale, (dq2 - s * q2) * scale
    k = u0 * e0 + u1 * e1 + u2 * e2
    out[3], out[4], out[5] = u0 - k * e0, u1 - k * e1, u2 - k * e2
    de0 -= along * u0 + k * x[3]
    de1 -= along * u1 + k * x[4]
    de2 -= along * u2 + k * x[5]
    s = e0 * de0 + e1 * de1 + e2 * de2
    scale = 1.0 / math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2])
    out[0], out[1], out[2] = (de0 - s * e0) * scale, (de1 - s * e1) * scale, (de2 - s * e2) * scale


@kernel
def turned(w, R0, R):  # type: ignore[no-untyped-def]
    """R = exp(w) @ R0 for a rotation vector w (3,)."""
    square = w[0] * w[0] + w[1] * w[1] + w[2] * w[2]
    angle = math.sqrt(square)
    sine, cosine = 1.0 - square / 6, 0.5 - square / 24
    if angle > 1e-4:
        sine, cosine = math.sin(angle) / angle, (1.0 - math.cos(angle)) / square
    for c in range(3):
        x, y, z = R0[0, c], R0[1, c], R0[2, c]
        k0, k1, k2 = w[1] * z - w[2] * y, w[2] * x - w[0] * z, w[0] * y - w[1] * x
        R[0, c] = x + sine * k0 + cosine * (w[1] * k2 - w[2] * k1)
        R[1, c] = y + sine * k1 + cosine * (w[2] * k0 - w[0] * k2)
        R[2, c] = z + sine * k2 + cosine * (w[0] * k1 - w[1] * k0)


@kernel
def turn_gradient(w, t0, t1, t2, out):  # type: ignore[no-untyped-def]
    """Gradient (3,) by the rotation vector w, given the torque t: the gradient by a small further turn.

    exp(w + dw) = exp(J dw) exp(w) with the left Jacobian J, so the gradient is J^T t.
    """
    square = w[0] * w[0] + w[1] * w[1] + w[2] * w[2]
    angle = math.sqrt(square)
    a, b = 0.5 - square / 24, 1.0 / 6 - square / 120
    if angle > 1e-2:
        a, b = (1.0 - math.cos(angle)) / square, (angle - math.sin(angle)) / (square * angle)
    k0, k1, k2 = w[1] * t2 - w[2] * t1, w[2] * t0 - w[0] * t2, w[0] * t1 - w[1] * t0
    out[0] = t0 - a * k0 + b * (w[1] * k2 - w[2] * k1)
    out[1] = t1 - a * k1 + b * (w[2] * k0 - w[0] * k2)
    out[2] = t2 - a * k2 + b * (w[0] * k1 - w[1] * k0)
