"""Training of the denoiser on frozen answers of a regressor, and what it is measured by."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from scorehoi_ros.diffusion.ddim import STEPS, alphas
from scorehoi_ros.diffusion.unknowns import NUM_X, Gaussian, pack, told
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.networks.denoiser import Conditions, Denoiser, conditions_of, explained
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.train.guesses import rows_of
from scorehoi_ros.train.loop import Schedule, train_net
from scorehoi_ros.train.regressor import Material
from scorehoi_ros.train.states import nearest_equivalent
from scorehoi_ros.train.templates import squared_distance

LEVELS = (10, 25, 50, 100, 200, 400, 800)
"""Noise levels that are reported one by one."""
_DRAWS = 8
"""Noises for each frame of a batch: its keys and values are made once."""
_DROPPED = 0.1
"""Share of the frames without c_I, and without c_G."""
_LOW = 200
"""Half of the levels are at most this: refinement happens there."""
_TAIL = 3.0
"""Standard deviations beyond which an error counts as it is, not squared."""
_BATCH = 64


@dataclass(frozen=True)
class Frames:
    """n frames: the truth, and what the regressor says."""

    x: Tensor
    """(n, 331) truth; a symmetric object is told as near to the regressor's rotation as it can be."""
    told: Gaussian
    """(n, 331) of the hypothesis whose rotation is nearest to the truth."""
    guess: Guess
    template: Tensor
    """(n,) rows of points and shapes."""
    points: Tensor
    """(m, 64, 3)"""
    shapes: Tensor
    """(m, 64, g)"""

    def __len__(self) -> int:
        return len(self.x)

    def some(self, count: int) -> "Frames":
        """Every n-th frame, so that at most `count` are left."""
        rows = torch.arange(0, len(self), -(-len(self) // count), device=self.x.device)
        told = Gaussian(*(value[rows] for value in self.told))
        guess = Guess(*(value[rows] for value in self.guess))
        return replace(self, x=self.x[rows], told=told, guess=guess, template=self.template[rows])

    def conditions(self, rows: Tensor) -> Conditions:
        """Of some frames."""
        which = self.template[rows]
        return conditions_of(rows_of(self.guess, rows), self.points[which], self.shapes[which])

    def believed(self, rows: Tensor) -> Gaussian:
        """(B, 1, 331) of some frames."""
        return Gaussian(self.told.mean[rows][:, None], self.told.sigma[rows][:, None])


@torch.no_grad()
def frames_of(guess: Guess, material: Material) -> Frames:
    """Frames from what `guesses.gather` has of the views of the material."""
    views, table = material.data.views, material.data.table
    R = rotation_6d_to_matrix(guess.rotations)
    parts = torch.arange(len(views), device=R.device).split(_BATCH)
    turns = [squared_distance(R[p], views.R_object[p], table, views.template[p]) for p in parts]
    rows, nearest = torch.arange(len(views), device=R.device), torch.cat(turns).argmin(1)
    true = nearest_equivalent(views.R_object, R[rows, nearest], table, views.template)
    turn = guess.log_turn[rows, nearest][:, None].expand(-1, 3)
    logs = (guess.log_theta.flatten(1), guess.log_betas, guess.log_camera, guess.log_place, turn)
    said = (guess.theta, guess.betas, guess.camera, guess.place, guess.rotations[rows, nearest])
    theta = matrix_to_rotation_6d(views.rotations)
    x = pack(theta, views.betas, matrix_to_rotation_6d(true), views.origin - views.pelvis)
    gaussian = told(*said, torch.cat(logs, 1).exp(), views.focal)
    return Frames(x, gaussian, guess, views.template, table.points, material.shapes)


def set_usual(net: Denoiser, frames: Frames) -> None:
    """What the network believes where the image says nothing."""
    net.usual_mean.copy_(frames.x.mean(0))
    net.usual_sigma.copy_(frames.x.std(0).clamp_min(0.02))


def train_denoiser(
    net: Denoiser, training: Frames, validation: Frames, schedule: Schedule, folder: Path
) -> dict[str, float]:
    """Train in place, see `train_net`; returns the figures on validation frames."""

    def terms(rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        kept = torch.rand(len(rows), 2, generator=generator, device=rows.device) >= _DROPPED
        return {"noise": residual(net, training, rows, *noise(len(rows), generator), kept)}

    return train_net(net, terms, len(training), lambda: measure(net, validation), schedule, folder)


def noise(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Levels (B, K) and noise (B, K, 331)."""
    device = generator.device
    shape = (count, _DRAWS)
    low = torch.rand(shape, generator=generator, device=device) < 0.5
    share = torch.rand(shape, generator=generator, device=device)
    t = (1 + share * torch.where(low, _LOW, STEPS)).long().clamp_max(STEPS)
    return t, torch.randn(*shape, NUM_X, generator=generator, device=device)


def residual(
    net: Denoiser, frames: Frames, rows: Tensor, t: Tensor, eps: Tensor, kept: Tensor | None = None
) -> Tensor:
    """Mean error of what the network adds to the Gaussian, in units of what that leaves; 1 = adds nothing.

    Equal to the error of eps, weighted so that all levels and all numbers of x count alike; heavy tails count
    less.
    """
    a = alphas().float().to(t.device)[t][..., None]
    x = a.sqrt() * frames.x[rows][:, None] + (1 - a).sqrt() * eps
    believed = net.believed(frames.believed(rows), kept)
    found = net(x, t, believed, net.remember(frames.conditions(rows), kept))
    left = explained(x, a, believed).left
    return 2 * huber_loss(found / left, eps / left, delta=_TAIL)


@torch.no_grad()
def measure(net: Denoiser, frames: Frames) -> dict[str, float]:
    """`loss` over all levels as in training, and the figures of `by_level`."""
    generator = torch.Generator(frames.x.device).manual_seed(0)
    parts = torch.arange(len(frames), device=frames.x.device).split(_BATCH)
    total = sum(len(p) * float(residual(net, frames, p, *noise(len(p), generator))) for p in parts)
    return {"loss": total / len(frames)} | by_level(net, frames, generator)


def by_level(net: Denoiser, frames: Frames, generator: torch.Generator) -> dict[str, float]:
    """`eps_T`: mean squared error of eps at level T; `gain_T`: its share of the Gaussian's, 1 = no better."""
    figures: dict[str, float] = {}
    parts = torch.arange(len(frames), device=frames.x.device).split(_BATCH)
    memories = [net.remember(frames.conditions(p)) for p in parts]
    for level in LEVELS:
        a = float(alphas()[level])
        mine = theirs = 0.0
        for p, memory in zip(parts, memories, strict=True):
            eps = torch.randn(len(p), 1, NUM_X, generator=generator, device=p.device)
            x = a**0.5 * frames.x[p][:, None] + (1 - a) ** 0.5 * eps
            believed = frames.believed(p)
            found = net(x, torch.full((len(p), 1), level, device=p.device), believed, memory)
            mine += float((found - eps).square().sum())
            theirs += float((explained(x, x.new_tensor([a]), believed).eps - eps).square().sum())
        figures[f"eps_{level}"] = mine / (NUM_X * len(frames))
        figures[f"gain_{level}"] = mine / theirs
    return figures
