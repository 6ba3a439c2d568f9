"""Linear blend skinning of one pose, compiled: for what is published, which needs no gradients."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.jit import kernel
from scorehoi_ros.types import Floats

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]


@dataclass(frozen=True)
class Skin:
    """A body, or some of its vertices, without the zeros of its weights and correctives."""

    template: Float32
    """(n, 3) metres."""
    shapedirs: Float32
    """(n, 3, 10)"""
    joints_template: Float32
    """(52, 3)"""
    joints_shapedirs: Float32
    """(52, 3, 10)"""
    parents: Int32
    """(52,)"""
    weight_starts: Int32
    """(n + 1,) where the weights of each vertex start."""
    weight_joints: Int32
    weights: Float32
    block_starts: Int32
    """(n + 1,) where the correctives of each vertex start."""
    block_joints: Int32
    """Less one: the pelvis moves no corrective."""
    blocks: Float32
    """(b, 9, 3) what R - I of a joint adds to a vertex."""
    posedirs: Float32 | None
    """(459, 3 n) correctives that are not sparse, and then in no block."""

    def pose(self, rotations: Floats, betas: Floats, root: Floats) -> tuple[Float32, Floats]:
        """Vertices (n, 3) float32 and joints (52, 3) float64, as `BodyLayer.forward` gives them for one pose.

        rotations (52, 3, 3) relative to the parent; betas (10,); root (3,) metres, where the pelvis lands.
        """
        vertices, joints = np.empty_like(self.template), np.empty(self.joints_template.shape)
        R, b, t = (np.require(x, np.float64, ["C", "W"]) for x in (rotations, betas, root))
        chain = _chain(self.joints_template, self.joints_shapedirs, self.parents, R, b, t, joints)
        bends = (R[1:] - np.eye(3)).reshape(-1, 9).astype(np.float32)
        rest = self.template
        if self.posedirs is not None:
            rest = rest + (bends.ravel() @ self.posedirs).reshape(-1, 3)
        _skin(
            rest, self.shapedirs, self.weight_starts, self.weight_joints, self.weights,
            self.block_starts, self.block_joints, self.blocks,
            b.astype(np.float32), bends, chain, vertices,
        )  # fmt: skip
        return vertices, joints


def starts(rows: NDArray[np.integer], count: int) -> Int32:
    """(count + 1,) where the entries of each row start, of entries sorted by row."""
    return np.searchsorted(rows, np.arange(count + 1)).astype(np.int32)


@kernel
def _chain(template, shapedirs, parents, R, betas, root, joints):  # type: ignore[no-untyped-def]
    """Fill `joints` (52, 3); returns (52, 3, 4) float32 by which each joint moves rest vertices."""
    count = len(parents)
    rest, orient = np.empty((count, 3)), np.empty((count, 3, 3))
    chain = np.empty((count, 3, 4), np.float32)
    for j in range(count):
        p = parents[j]
        for a in range(3):
            rest[j, a] = template[j, a]
            for k in range(len(betas)):
                rest[j, a] += shapedirs[j, a, k] * betas[k]
        for a in range(3):
            joints[j, a] = root[a] if p < 0 else joints[p, a]
            for b in range(3):
                if p < 0:
                    orient[j, a, b] = R[j, a, b]
                    continue
                joints[j, a] += orient[p, a, b] * (rest[j, b] - rest[p, b])
                orient[j, a, b] = 0.0
                for c in range(3):
                    orient[j, a, b] += orient[p, a, c] * R[j, c, b]
        for a in range(3):
            shift = joints[j, a]
            for b in range(3):
                shift -= orient[j, a, b] * rest[j, b]
                chain[j, a, b] = orient[j, a, b]
            chain[j, a, 3] = shift
    return chain


@kernel
def _skin(  # type: ignore[no-untyped-def]
    template, shapedirs, weight_starts, weight_joints, weights, block_starts, block_joints, blocks,
    betas, bends, chain, vertices,
):  # fmt: skip
    point, blend = np.empty(3, np.float32), np.empty((3, 4), np.float32)
    for v in range(len(template)):
        for a in range(3):
            point[a] = template[v, a]
            for k in range(len(betas)):
                point[a] += shapedirs[v, a, k] * betas[k]
        for i in range(block_starts[v], block_starts[v + 1]):
            bend = bends[block_joints[i]]
            for k in range(9):
                for a in range(3):
                    point[a] += bend[k] * blocks[i, k, a]
        blend[:] = 0.0
        for i in range(weight_starts[v], weight_starts[v + 1]):
            w, joint = weights[i], weight_joints[i]
            for a in range(3):
                for b in range(4):
                    blend[a, b] += w * chain[joint, a, b]
        for a in range(3):
            moved = blend[a, 3]
            for b in range(3):
                moved += blend[a, b] * point[b]
            vertices[v, a] = moved
