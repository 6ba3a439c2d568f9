"""The 431 tokens and 75 landmarks of a body as sparse arrays, for compiled skinning."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.alignment.target import neighbour_distances
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.types import NUM_HUMAN_TOKENS

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


class Rig(NamedTuple):
    """A body reduced to n points: the tokens, then the vertices that landmarks hang on.

    Sparse rows are stored one after the other; row i is `start[i]:start[i + 1]`.
    """

    template: Float64
    """(n, 3) metres."""
    shapedirs: Float64
    """(10, n, 3)"""
    joints_template: Float64
    """(52, 3)"""
    joints_shapedirs: Float64
    """(52, 3, 10)"""
    parents: Int64
    """(52,)"""
    skin_start: Int64
    skin_joint: Int64
    skin_weight: Float64
    """Joints that move a point."""
    block_start: Int64
    block_joint: Int64
    blocks: Float64
    """(k, 3, 9) metres a point moves with the entries of R - I of a joint."""
    landmark_start: Int64
    landmark_source: Int64
    """Joints 0..51, then points."""
    landmark_weight: Float64
    spacing: Float64
    """(431,) metres from each token to its nearest neighbour, on the mean body."""


def make_rig(body: BodyModel) -> Rig:
    """The rig of a body; make it once."""
    marks = body.landmarks
    ids = np.concatenate((body.token_ids, marks.vertex_ids))
    points = np.zeros((len(marks.joint_weights), len(ids)))
    points[:, NUM_HUMAN_TOKENS:] = marks.vertex_weights
    skin = _rows(body.weights[ids])
    source = _rows(np.concatenate((marks.joint_weights, points), axis=1))
    template = _array(body.v_template[ids])
    return Rig(
        template,
        _array(np.moveaxis(body.shapedirs[ids], 2, 0)),
        _array(body.joints_template),
        _array(body.joints_shapedirs),
        body.parents.astype(np.int64),
        *skin,
        *_correctives(body, ids),
        *source,
        neighbour_distances(template[:NUM_HUMAN_TOKENS]),
    )


def _rows(matrix: NDArray[np.floating]) -> tuple[Int64, Int64, Float64]:
    """Start of each row, columns and values of the non-zero entries of a matrix."""
    row, column = np.nonzero(matrix)
    start = np.searchsorted(row, np.arange(len(matrix) + 1))
    return start.astype(np.int64), column.astype(np.int64), _array(matrix[row, column])


def _correctives(body: BodyModel, ids: NDArray[np.integer]) -> tuple[Int64, Int64, Float64]:
    """Start of each point, joints and (k, 3, 9) blocks of the pose correctives."""
    if body.posedirs is None:
        return np.zeros(len(ids) + 1, np.int64), np.zeros(0, np.int64), np.zeros((0, 3, 9))
    blocks = body.posedirs[ids].reshape(len(ids), 3, -1, 9)
    start, joint, _ = _rows(np.abs(blocks).max(axis=(1, 3)))
    point = np.repeat(np.arange(len(ids)), np.diff(start))
    return start, joint + 1, _array(blocks[point, :, joint])


def _array(values: NDArray[np.floating]) -> Float64:
    return np.ascontiguousarray(values, np.float64)
