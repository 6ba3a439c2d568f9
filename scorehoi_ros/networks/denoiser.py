"""The denoiser with its IG-Adapter: eps of x_t, given what the image and the template say (ScoreHOI, 3.5).

Latent tokens (22 joints, 2 hands, object rotation, object place) go through layers of self-attention and two
decoupled cross-attentions, one to image tokens c_I, one to geometry tokens c_G, joined by a fusing head.
The shape has a branch of its own, of the same layers.  The time enters by scale and shift.

The regressor is part of the condition c_I: what it says of x, a Gaussian, already explains some of the noise,
and the network learns what is left, in units of what is left (the preconditioning of Karras et al. 2022).
Before any training the prior is that Gaussian; what is learned are correlations that it cannot have.
"""

import math
from dataclasses import dataclass
from typing import Generic, NamedTuple

import torch
from torch import Tensor, nn

from scorehoi_ros.diffusion.ddim import STEPS, Values, alphas
from scorehoi_ros.diffusion.unknowns import BETAS, NUM_X, PLACE, ROTATION, THETA, Gaussian
from scorehoi_ros.networks.blocks import attention, mlp, table, zero_linear
from scorehoi_ros.networks.regressor import NUM_BODY, NUM_QUERIES, Guess
from scorehoi_ros.types import NUM_BETAS, NUM_JOINTS, NUM_LANDMARKS

HEADS = 4
NUM_TOKENS = NUM_BODY + 4
"""Latent tokens of the main branch; the shape has one more."""
_HAND = (NUM_JOINTS - NUM_BODY) // 2 * 6
_METRES = 3.0
"""Factor that brings template points near one."""
_WAVES = 32
PER_NUMBER = 3
"""What a token is told of each of its numbers."""


@dataclass(frozen=True)
class DenoiserSize:
    """What decides the layout of a denoiser."""

    width: int
    layers: int


DENOISERS: dict[str, DenoiserSize] = {
    "live": DenoiserSize(64, 3),
    "full": DenoiserSize(128, 3),
    "paper": DenoiserSize(256, 4),
}
"""By the size of the regressor whose answers are refined."""


class Conditions(NamedTuple):
    """c_I and c_G of B frames."""

    image: Tensor
    """(B, m, c) query, landmark and image tokens of the regressor."""
    geometry: Tensor
    """(B, 64, 3 + g) points of the template in metres with their shape features."""


class Memory(NamedTuple):
    """Keys and values of one layer, made once a frame; B frames."""

    image: Tensor
    """(B, m, 2 width)"""
    geometry: Tensor
    """(B, 64, 2 width)"""


def conditions_of(guess: Guess, points: Tensor, shapes: Tensor) -> Conditions:
    """From a regressor's answer, the template's points (B, 64, 3) and their shape features (B, 64, g)."""
    tokens = (guess.queries, guess.landmark_tokens, guess.features.flatten(2).transpose(1, 2))
    return Conditions(torch.cat(tokens, 1), torch.cat((points * _METRES, shapes), -1))


class Denoiser(nn.Module):
    """eps of x_t for B frames with K states each, whose conditions are looked up once.

    `features` is the width of the regressor's tokens, `image` how many there are, `geometry` the number of
    shape features.
    """

    usual_mean: Tensor
    """(331,) mean of x over all frames: what is believed when c_I is dropped."""
    usual_sigma: Tensor
    """(331,)"""
    alphas: Tensor

    def __init__(self, size: DenoiserSize, features: int, image: int, geometry: int) -> None:
        super().__init__()
        self.size = size
        width = size.width
        self.image = nn.Linear(features, width)
        self.image_names = table(image, width)
        self.geometry = nn.Linear(3 + geometry, width)
        self.nothing = nn.Parameter(0.02 * torch.randn(2, 1, width))
        """Tokens that stand for a dropped c_I or c_G."""
        self.time = mlp(2 * _WAVES, width, width)
        self.main, self.shape = (Branch(width, size.layers, tokens) for tokens in (NUM_TOKENS, 1))
        self.tokens = Tokens(width)
        self.register_buffer("usual_mean", torch.zeros(NUM_X))
        self.register_buffer("usual_sigma", torch.ones(NUM_X))
        self.register_buffer("alphas", alphas().float(), persistent=False)

    def remember(self, conditions: Conditions, kept: Tensor | None = None) -> tuple[Memory, ...]:
        """Keys and values of all layers; `kept` (B, 2) bool: which of c_I and c_G are not dropped."""
        image = self.image(conditions.image) + self.image_names
        geometry = self.geometry(conditions.geometry)
        if kept is not None:
            image = torch.where(kept[:, :1, None], image, self.nothing[0])
            geometry = torch.where(kept[:, 1:, None], geometry, self.nothing[1])
        layers = [*self.main.layers, *self.shape.layers]
        return tuple(layer.remember(image, geometry) for layer in layers)

    def believed(self, told: Gaussian, kept: Tensor | None = None) -> Gaussian:
        """What the regressor told (B, K, 331), or what is usual for frames whose c_I is dropped."""
        if kept is None:
            return told
        there = kept[:, :1, None]
        return Gaussian(
            torch.where(there, told.mean, self.usual_mean), torch.where(there, told.sigma, self.usual_sigma)
        )

    def forward(self, x: Tensor, t: Tensor, believed: Gaussian, memory: tuple[Memory, ...]) -> Tensor:
        """Eps (B, K, 331) of x_t (B, K, 331) at levels t (B, K) int64; `believed` as `believed` gives it."""
        easy = explained(x, self.alphas[t][..., None], believed)
        time = self.time(waves(t))
        hat = easy.x_0
        parts = torch.stack((easy.unit, hat, believed.sigma.expand_as(hat).log()), -1).flatten(-2)
        main, shape = self.tokens(parts)
        middle = self.size.layers
        main = self.main(main, time, memory[:middle])
        shape = self.shape(shape, time, memory[middle:])
        # The factor `hidden` keeps the score finite where there is hardly any noise.
        return easy.eps + easy.left * easy.hidden * self.tokens.read(main, shape)


class Explained(NamedTuple):
    """x_t under a Gaussian prior."""

    unit: Tensor
    """x_t in its own standard deviations."""
    x_0: Tensor
    """Expectation of x_0."""
    eps: Tensor
    """Expectation of eps."""
    left: Tensor
    """Standard deviation of eps that is left."""
    hidden: Tensor
    """Share of the noise in the standard deviation of x_t: 0 without noise, 1 where all is noise."""


class Weighed(NamedTuple, Generic[Values]):
    """What a level of noise leaves of a Gaussian prior; as `Explained`, but the same for all x_t."""

    scale: Values
    """Standard deviation of x_t."""
    gain: Values
    """Of the expectation of x_0, by x_t in its own standard deviations."""
    hidden: Values
    left: Values


def weighed(a: Values | float, sigma: Values) -> Weighed[Values]:
    """A prior with standard deviations `sigma` (..., 331) at a_t (..., 1)."""
    scale = (a * sigma**2 + 1 - a) ** 0.5
    clear = a**0.5 * sigma / scale
    return Weighed(scale, clear * sigma, (1 - a) ** 0.5 / scale, clear)


def explained(x: Tensor, a: Tensor, prior: Gaussian) -> Explained:
    """What a Gaussian prior says of x_t (..., 331) at a_t (..., 1)."""
    at = weighed(a, prior.sigma)
    unit = (x - a.sqrt() * prior.mean) / at.scale
    return Explained(unit, prior.mean + at.gain * unit, at.hidden * unit, at.left, at.hidden)


class Tokens(nn.Module):
    """Numbers of x to latent tokens, and back to what is said of each number."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = {"joint": 6, "hand": _HAND, "rotation": 6, "place": 3, "shape": NUM_BETAS}
        self.into = nn.ModuleDict({name: nn.Linear(PER_NUMBER * n, width) for name, n in sizes.items()})
        self.out = nn.ModuleDict({name: zero_linear(width, n) for name, n in sizes.items()})

    def forward(self, parts: Tensor) -> tuple[Tensor, Tensor]:
        """Main tokens (B, K, 26, width) and shape tokens (B, K, 1, width) of parts (B, K, 3 * 331)."""
        theta, betas, R_o, t_o = (
            parts[..., PER_NUMBER * s.start : PER_NUMBER * s.stop] for s in (THETA, BETAS, ROTATION, PLACE)
        )
        body = theta[..., : PER_NUMBER * 6 * NUM_BODY].unflatten(-1, (NUM_BODY, -1))
        hands = theta[..., PER_NUMBER * 6 * NUM_BODY :].unflatten(-1, (2, -1))
        into = self.into
        one = [into["rotation"](R_o)[..., None, :], into["place"](t_o)[..., None, :]]
        main = torch.cat((into["joint"](body), into["hand"](hands), *one), -2)
        return main, into["shape"](betas)[..., None, :]

    def read(self, main: Tensor, shape: Tensor) -> Tensor:
        """(B, K, 331) from tokens as `forward` gives them."""
        out, hands = self.out, NUM_BODY + 2
        parts = (
            out["joint"](main[..., :NUM_BODY, :]).flatten(-2),
            out["hand"](main[..., NUM_BODY:hands, :]).flatten(-2),
            out["shape"](shape[..., 0, :]),
            out["rotation"](main[..., hands, :]),
            out["place"](main[..., hands + 1, :]),
        )
        return torch.cat(parts, -1)


class Branch(nn.Module):
    """Layers over some latent tokens."""

    def __init__(self, width: int, layers: int, tokens: int) -> None:
        super().__init__()
        self.names = table(tokens, width)
        self.layers = nn.ModuleList(AdapterLayer(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, time: Tensor, memory: tuple[Memory, ...]) -> Tensor:
        """Tokens of the shape of x (B, K, n, width); time (B, K, width)."""
        x = x + self.names
        for layer, known in zip(self.layers, memory, strict=True):
            x = layer(x, time, known)
        y: Tensor = self.norm(x)
        return y


class AdapterLayer(nn.Module):
    """Self-attention, the two cross-attentions of the IG-Adapter with their fusing head, and an MLP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attend_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.cross_norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, 2 * width)
        self.image = nn.Linear(width, 2 * width)
        self.geometry = nn.Linear(width, 2 * width)
        self.fuse = nn.Linear(2 * width, width)
        self.mlp_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.mlp = mlp(width, 2 * width, width)
        self.time = zero_linear(width, 4 * width)

    def remember(self, image: Tensor, geometry: Tensor) -> Memory:
        """Keys and values of tokens (B, m, width) and (B, 64, width)."""
        return Memory(self.image(image), self.geometry(geometry))

    def forward(self, x: Tensor, time: Tensor, memory: Memory) -> Tensor:
        """Tokens of the shape of x (B, K, n, width)."""
        scale, shift, scale_mlp, shift_mlp = self.time(time)[..., None, :].chunk(4, -1)
        own = self.attend_norm(x) * (1 + scale) + shift
        q, k, v = (y.flatten(0, 1) for y in self.qkv(own).chunk(3, -1))
        x = x + self.out(attention(q, k, v, HEADS).reshape(x.shape))
        # The states of a frame ask the same memory, so they stand in one row of queries.
        of_image, of_geometry = self.query(self.cross_norm(x)).flatten(1, 2).chunk(2, -1)
        seen, shaped = _look(of_image, memory.image), _look(of_geometry, memory.geometry)
        x = x + self.fuse(torch.cat((seen, shaped), -1)).reshape(x.shape)
        return x + self.mlp(self.mlp_norm(x) * (1 + scale_mlp) + shift_mlp)


def _look(asking: Tensor, known: Tensor) -> Tensor:
    k, v = known.chunk(2, -1)
    return attention(asking, k, v, HEADS)


def waves(t: Tensor) -> Tensor:
    """Sines and cosines (..., 64) of levels t (...)."""
    rates = torch.exp(-math.log(STEPS) * torch.arange(_WAVES, device=t.device) / _WAVES)
    angles = t[..., None].float() * rates
    return torch.cat((angles.sin(), angles.cos()), -1)


def image_tokens(cells: int) -> int:
    """How many tokens c_I has for a feature map of so many cells a side."""
    return NUM_QUERIES + NUM_LANDMARKS + cells**2
