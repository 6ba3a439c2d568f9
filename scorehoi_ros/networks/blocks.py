"""Transformer and convolution blocks that the networks share."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu, scaled_dot_product_attention

MLP_RATIO = 4


class SelfBlock(nn.Module):
    """Pre-norm self-attention and MLP over tokens (B, n, width)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attend_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = mlp(width, MLP_RATIO * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens of the same shape."""
        return self.first(x, x.shape[1])

    def first(self, x: Tensor, count: int) -> Tensor:
        """The first `count` tokens alone (B, count, width), which look at all: the rest is not computed."""
        seen = self.attend_norm(x)
        width = x.shape[-1]
        weight, bias = self.qkv.weight, self.qkv.bias
        q = linear(seen[:, :count], weight[:width], bias[:width])
        k, v = linear(seen, weight[width:], bias[width:]).chunk(2, dim=-1)
        x = x[:, :count] + self.out(attention(q, k, v, self.heads))
        return x + self.mlp(self.mlp_norm(x))


class CrossBlock(nn.Module):
    """Pre-norm cross-attention from tokens (B, n, width) to others (B, m, width), and MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attend_norm = nn.LayerNorm(width)
        self.other_norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = mlp(width, MLP_RATIO * width, width)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """Tokens of the shape of `x`."""
        k, v = self.key_value(self.other_norm(other)).chunk(2, dim=-1)
        x = x + self.out(attention(self.query(self.attend_norm(x)), k, v, self.heads))
        return x + self.mlp(self.mlp_norm(x))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut (He et al. 2016), the first with `stride`."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else projection(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, outputs, H / stride, W / stride)."""
        y = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
        return relu(y + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with a shortcut: the block of ResNet-50 (He et al. 2016)."""

    EXPANSION = 4

    def __init__(self, inputs: int, middle: int, stride: int) -> None:
        super().__init__()
        outputs = self.EXPANSION * middle
        self.conv1 = nn.Conv2d(inputs, middle, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, outputs, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else projection(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 4 middle, H / stride, W / stride)."""
        y = relu(self.norm2(self.conv2(relu(self.norm1(self.conv1(x))))))
        return relu(self.norm3(self.conv3(y)) + self.shortcut(x))


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    """A shortcut that changes size."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two linear layers with GELU between."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Multi-head attention of q (B, n, width) to k, v (B, m, width): (B, n, width)."""
    if torch.onnx.is_in_onnx_export():
        seen: Tensor = _OneNode.apply(q, k, v, heads)
        return seen
    return _attention(q, k, v, heads)


class _OneNode(torch.autograd.Function):
    """Attention for ONNX Runtime, as its own operator: torch writes out how heads are split and joined."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        """See `attention`."""
        return _attention(q, k, v, heads)

    @staticmethod
    def symbolic(graph: Any, q: Any, k: Any, v: Any, heads: int) -> Any:
        """The node, which has the shape of q."""
        node = graph.op("com.microsoft::MultiHeadAttention", q, k, v, num_heads_i=heads)
        node.setType(q.type())
        return node


def _attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    split = [x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v)]
    return scaled_dot_product_attention(*split).transpose(1, 2).flatten(-2)


def table(rows: int, width: int) -> nn.Parameter:
    """A learned row for each of so many tokens, near zero at first."""
    return nn.Parameter(torch.randn(rows, width) * 0.02)


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer that says nothing before training."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
