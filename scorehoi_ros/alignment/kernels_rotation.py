"""Compiled rotations with their gradients: 6D as in `geometry/rotation.py`, and rotation vectors."""

import math

from scorehoi_ros.jit import inner


@inner
def six_to_matrix(x, o, R):  # type: ignore[no-untyped-def]
    """The 6D numbers from x[o] on to R (3, 3): Gram-Schmidt of two columns."""
    a0, a1, a2, b0, b1, b2 = x[o], x[o + 1], x[o + 2], x[o + 3], x[o + 4], x[o + 5]
    scale = 1.0 / math.sqrt(a0 * a0 + a1 * a1 + a2 * a2)
    e0, e1, e2 = a0 * scale, a1 * scale, a2 * scale
    along = e0 * b0 + e1 * b1 + e2 * b2
    q0, q1, q2 = b0 - along * e0, b1 - along * e1, b2 - along * e2
    scale = 1.0 / math.sqrt(q0 * q0 + q1 * q1 + q2 * q2)
    q0, q1, q2 = q0 * scale, q1 * scale, q2 * scale
    R[0, 0], R[1, 0], R[2, 0] = e0, e1, e2
    R[0, 1], R[1, 1], R[2, 1] = q0, q1, q2
    R[0, 2], R[1, 2], R[2, 2] = e1 * q2 - e2 * q1, e2 * q0 - e0 * q2, e0 * q1 - e1 * q0


@inner
def six_gradient(x, o, R, D, out):  # type: ignore[no-untyped-def]
    """Gradient into out[o:o + 6], given R of x[o:o + 6] and the gradient D (3, 3) by R."""
    a0, a1, a2, b0, b1, b2 = x[o], x[o + 1], x[o + 2], x[o + 3], x[o + 4], x[o + 5]
    e0, e1, e2, q0, q1, q2 = R[0, 0], R[1, 0], R[2, 0], R[0, 1], R[1, 1], R[2, 1]
    c0, c1, c2 = D[0, 2], D[1, 2], D[2, 2]
    # third = first x second: its gradient goes to both.
    de0, de1, de2 = D[0, 0] + q1 * c2 - q2 * c1, D[1, 0] + q2 * c0 - q0 * c2, D[2, 0] + q0 * c1 - q1 * c0
    dq0, dq1, dq2 = D[0, 1] + c1 * e2 - c2 * e1, D[1, 1] + c2 * e0 - c0 * e2, D[2, 1] + c0 * e1 - c1 * e0
    along = e0 * b0 + e1 * b1 + e2 * b2
    u0, u1, u2 = b0 - along * e0, b1 - along * e1, b2 - along * e2
    scale = 1.0 / math.sqrt(u0 * u0 + u1 * u1 + u2 * u2)
    s = q0 * dq0 + q1 * dq1 + q2 * dq2
    u0, u1, u2 = (dq0 - s * q0) * scale, (dq1 - s * q1) * scale, (dq2 - s * q2) * scale
    k = u0 * e0 + u1 * e1 + u2 * e2
    out[o + 3], out[o + 4], out[o + 5] = u0 - k * e0, u1 - k * e1, u2 - k * e2
    de0 -= along * u0 + k * b0
    de1 -= along * u1 + k * b1
    de2 -= along * u2 + k * b2
    s = e0 * de0 + e1 * de1 + e2 * de2
    scale = 1.0 / math.sqrt(a0 * a0 + a1 * a1 + a2 * a2)
    out[o], out[o + 1], out[o + 2] = (de0 - s * e0) * scale, (de1 - s * e1) * scale, (de2 - s * e2) * scale


@inner
def turned(x, o, R0, R):  # type: ignore[no-untyped-def]
    """R = exp(w) @ R0 for the rotation vector w = x[o:o + 3]."""
    w0, w1, w2 = x[o], x[o + 1], x[o + 2]
    square = w0 * w0 + w1 * w1 + w2 * w2
    angle = math.sqrt(square)
    sine, cosine = 1.0 - square / 6, 0.5 - square / 24
    if angle > 1e-4:
        sine, cosine = math.sin(angle) / angle, (1.0 - math.cos(angle)) / square
    for c in range(3):
        p, q, r = R0[0, c], R0[1, c], R0[2, c]
        k0, k1, k2 = w1 * r - w2 * q, w2 * p - w0 * r, w0 * q - w1 * p
        R[0, c] = p + sine * k0 + cosine * (w1 * k2 - w2 * k1)
        R[1, c] = q + sine * k1 + cosine * (w2 * k0 - w0 * k2)
        R[2, c] = r + sine * k2 + cosine * (w0 * k1 - w1 * k0)


@inner
def turn_gradient(x, o, pull, out):  # type: ignore[no-untyped-def]
    """Gradient by w = x[o:o + 3] into out[o:o + 3], given the torque t = pull[3:], that of a further turn.

    exp(w + dw) = exp(J dw) exp(w) with the left Jacobian J, so the gradient is J^T t.
    """
    w0, w1, w2, t0, t1, t2 = x[o], x[o + 1], x[o + 2], pull[3], pull[4], pull[5]
    square = w0 * w0 + w1 * w1 + w2 * w2
    angle = math.sqrt(square)
    a, b = 0.5 - square / 24, 1.0 / 6 - square / 120
    if angle > 1e-2:
        a, b = (1.0 - math.cos(angle)) / square, (angle - math.sin(angle)) / (square * angle)
    k0, k1, k2 = w1 * t2 - w2 * t1, w2 * t0 - w0 * t2, w0 * t1 - w1 * t0
    out[o] = t0 - a * k0 + b * (w1 * k2 - w2 * k1)
    out[o + 1] = t1 - a * k1 + b * (w2 * k0 - w0 * k2)
    out[o + 2] = t2 - a * k2 + b * (w0 * k1 - w1 * k0)
