"""Linear blend skinning in torch: rotations, shape and root to vertices and joints, differentiable."""

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scorehoi_ros.body.compiled import Skin, starts
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.skeleton import jump_table

_SPARSE_BELOW = 0.25
"""Correctives with fewer non-zero (vertex, joint) blocks than this are applied block by block."""


class BodyLayer(torch.nn.Module):
    """Batched LBS with pose correctives (Loper et al. 2015) for the whole mesh or some of its vertices.

    World transforms come from pointer jumping: 4 batched products instead of one for each of 11 levels.
    """

    template: Tensor
    shapedirs: Tensor
    joints_template: Tensor
    joints_shapedirs: Tensor
    weights: Tensor
    jumps: Tensor
    parents: Tensor
    identity: Tensor
    last_row: Tensor
    world: Tensor
    posedirs: Tensor
    blocks: Tensor
    block_joints: Tensor
    block_vertices: Tensor

    def __init__(
        self,
        model: BodyModel,
        vertex_ids: NDArray[np.integer] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Copy the arrays of ``model`` for ``vertex_ids`` ((n,), None = all V vertices)."""
        super().__init__()
        ids = slice(None) if vertex_ids is None else np.asarray(vertex_ids, np.int64)
        self.vertex_count = len(model.v_template[ids])
        self.joint_count = len(model.parents)
        self.tree = model.parents
        self._add("template", model.v_template[ids].reshape(-1), dtype)
        self._add("shapedirs", model.shapedirs[ids].reshape(-1, model.shapedirs.shape[2]).T, dtype)
        self._add("joints_template", model.joints_template.reshape(-1), dtype)
        self._add("joints_shapedirs", model.joints_shapedirs.reshape(-1, model.shapedirs.shape[2]).T, dtype)
        self._add("weights", model.weights[ids], dtype)
        self._add("jumps", jump_table(model.parents), torch.long)
        parents = np.where(model.parents < 0, 0, model.parents)
        self._add("parents", parents, torch.long)
        self._add("identity", np.eye(3), dtype)
        self._add("last_row", np.array([0.0, 0.0, 0.0, 1.0]), dtype)
        self._add("world", np.eye(4), dtype)
        self._set_correctives(None if model.posedirs is None else model.posedirs[ids], dtype)

    def forward(self, rotations: Tensor, betas: Tensor, root: Tensor) -> tuple[Tensor, Tensor]:
        """Pose the body.

        rotations (B, 52, 3, 3) relative to the parent, row 0 = global_orient (body -> camera); betas
        (B, 10); root (B, 3) metres, where the pelvis joint lands.  Returns vertices (B, n, 3) and joints
        (B, 52, 3) in the frame of ``root``.
        """
        batch = rotations.shape[0]
        joints = torch.addmm(self.joints_template, betas, self.joints_shapedirs).view(batch, -1, 3)
        shaped = torch.addmm(self.template, betas, self.shapedirs)
        if self.has_correctives:
            shaped = shaped + self._correct(rotations)
        world = self._chain(rotations, joints, root)
        orient, position = world[:, :, :3, :3], world[:, :, :3, 3]
        shift = position - (orient @ joints.unsqueeze(-1)).squeeze(-1)
        skin = torch.cat([orient, shift.unsqueeze(-1)], dim=-1).reshape(batch, self.joint_count, 12)
        blended = torch.matmul(self.weights, skin).view(batch, self.vertex_count, 3, 4)
        points = shaped.view(batch, self.vertex_count, 1, 3)
        return (blended[..., :3] * points).sum(-1) + blended[..., 3], position

    @cached_property
    def skin(self) -> Skin:
        """The same body for one pose at a time, in single precision and without gradients."""
        held = {name: buffer.cpu().numpy() for name, buffer in self.named_buffers()}
        real = {name: a.astype(np.float32) for name, a in held.items() if a.dtype.kind == "f"}
        vertices, joints = np.nonzero(real["weights"])
        sparse = self.sparse_correctives
        rows = held["block_vertices"] if sparse else np.zeros(0, np.int64)
        dense = self.has_correctives and not sparse
        return Skin(
            template=real["template"].reshape(-1, 3),
            shapedirs=_by_vertex(real["shapedirs"]),
            joints_template=real["joints_template"].reshape(-1, 3),
            joints_shapedirs=_by_vertex(real["joints_shapedirs"]),
            parents=self.tree,
            weight_starts=starts(vertices, self.vertex_count),
            weight_joints=joints.astype(np.int32),
            weights=real["weights"][vertices, joints],
            block_starts=starts(rows, self.vertex_count),
            block_joints=held["block_joints"].astype(np.int32) if sparse else np.zeros(0, np.int32),
            blocks=real["blocks"] if sparse else np.zeros((0, 9, 3), np.float32),
            posedirs=real["posedirs"] if dense else None,
        )

    def _chain(self, rotations: Tensor, joints: Tensor, root: Tensor) -> Tensor:
        """World transforms (B, 52, 4, 4) with the pelvis at ``root``."""
        batch = rotations.shape[0]
        offsets = joints - joints[:, self.parents]
        offsets = torch.cat([root.unsqueeze(1), offsets[:, 1:]], dim=1)
        top = torch.cat([rotations, offsets.unsqueeze(-1)], dim=-1)
        local = torch.cat([top, self.last_row.expand(batch, self.joint_count, 1, 4)], dim=2)
        chain = torch.cat([local, self.world.expand(batch, 1, 4, 4)], dim=1)
        for ancestors in self.jumps:
            chain = chain[:, ancestors] @ chain
        return chain[:, : self.joint_count]

    def _correct(self, rotations: Tensor) -> Tensor:
        """Pose correctives (B, 3 n) in the rest frame."""
        batch = rotations.shape[0]
        features = (rotations[:, 1:] - self.identity).reshape(batch, self.joint_count - 1, 9)
        if not self.sparse_correctives:
            return features.reshape(batch, -1) @ self.posedirs
        moved = torch.matmul(features[:, self.block_joints].unsqueeze(2), self.blocks).squeeze(2)
        zero = moved.new_zeros(batch, self.vertex_count, 3)
        return zero.index_add(1, self.block_vertices, moved).view(batch, -1)

    def _set_correctives(self, posedirs: NDArray[np.float32] | None, dtype: torch.dtype) -> None:
        """Store correctives (n, 3, 459) as one matrix, or as (9, 3) blocks where most of it is zero."""
        self.has_correctives = posedirs is not None
        self.sparse_correctives = False
        if posedirs is None:
            return
        blocks = posedirs.reshape(self.vertex_count, 3, self.joint_count - 1, 9)
        used = blocks.any(axis=(1, 3))
        self.sparse_correctives = bool(used.mean() < _SPARSE_BELOW)
        if not self.sparse_correctives:
            self._add("posedirs", posedirs.reshape(self.vertex_count * 3, -1).T, dtype)
            return
        vertices, block_joints = np.nonzero(used)
        self._add("block_vertices", vertices, torch.long)
        self._add("block_joints", block_joints, torch.long)
        self._add("blocks", blocks[vertices, :, block_joints].transpose(0, 2, 1), dtype)

    def _add(self, name: str, array: NDArray, dtype: torch.dtype) -> None:
        self.register_buffer(name, torch.as_tensor(np.ascontiguousarray(array)).to(dtype), persistent=False)


def _by_vertex(shapedirs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(10, 3 n) as (n, 3, 10)."""
    return np.ascontiguousarray(shapedirs.T).reshape(-1, 3, len(shapedirs))
