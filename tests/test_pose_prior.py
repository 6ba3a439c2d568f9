"""The pose prior: built, read back, and clear about damaged files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from scorehoi_ros.errors import InputError
from scorehoi_ros.interaction.pose_prior import build_prior, load_prior


def write_corpus(path: Path, count: int = 60) -> Path:
    rng = np.random.default_rng(0)
    clips = [{"tags": ["walk"]}, {"tags": ["dance"]}]
    poses = rng.normal(0, 0.2, (count, 22, 3)).astype(np.float16)
    poses[:, 18, 1] = -1.0 + rng.normal(0, 0.1, count)  # left elbow bent
    np.savez(
        path,
        poses=poses,
        clip=np.arange(count) % 2,
        clips=np.frombuffer(json.dumps(clips).encode(), np.uint8),
    )
    return path


def test_built_prior_is_read_back_and_is_symmetric(tmp_path: Path) -> None:
    built = build_prior(write_corpus(tmp_path / "poses.npz"), tmp_path / "prior.safetensors")
    read = load_prior(tmp_path / "prior.safetensors")
    assert torch.equal(read.mean, built.mean) and torch.equal(read.whiten, built.whiten)
    left, right = read.mean.reshape(21, 6)[17], read.mean.reshape(21, 6)[18]
    mirror = torch.tensor([1.0, -1, -1, -1, 1, 1])  # 6D of a rotation mirrored across x
    torch.testing.assert_close(left, right * mirror, atol=1e-4, rtol=0)


def test_typical_poses_cost_about_one(tmp_path: Path) -> None:
    prior = load_prior()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(200, 126, generator=generator)
    theta = torch.zeros(200, 52, 6)
    theta[:, 1:22] = (prior.mean + torch.linalg.solve(prior.whiten, noise.T).T).reshape(200, 21, 6)
    assert float(prior.loss(theta).mean()) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("content", [b"", b"not a tensor file", b"\x00" * 64])
def test_damaged_prior_is_explained(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "prior.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a pose prior"):
        load_prior(path)


def test_damaged_corpus_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "poses.npz"
    path.write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(InputError, match="cannot be read as a pose corpus"):
        build_prior(path, tmp_path / "prior.safetensors")
    assert not (tmp_path / "prior.safetensors").exists()
