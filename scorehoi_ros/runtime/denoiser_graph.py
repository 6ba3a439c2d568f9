"""The denoiser as an ONNX graph, for any number of states of one frame that are all at one level.

torch's exporter writes out how heads are split and what the time does: 518 nodes for the size `live`, most of
which take longer to call than to compute.  Here attention, sums with their norms, and GELU are one node each
(operators of ONNX Runtime), what the time decides comes in as numbers, and 120 nodes are left.  The shape has
one token, whose attention to itself is that token's value.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor, nn

from scorehoi_ros.diffusion.unknowns import NUM_X
from scorehoi_ros.networks.denoiser import (
    HEADS,
    NUM_TOKENS,
    PER_NUMBER,
    AdapterLayer,
    Branch,
    Denoiser,
    Memory,
    Tokens,
    waves,
)
from scorehoi_ros.networks.regressor import NUM_BODY
from scorehoi_ros.runtime.onnx import OPSET
from scorehoi_ros.types import Floats

PARTS, TIME, READ = "parts", "time", "read"
"""Inputs (K, 993) what tokens are told, (n,) scales and shifts; output (K, 331) as `Tokens.read` gives it."""
_FUSED = "com.microsoft"
_IR_VERSION = 8
_GROUPS = (("joint", NUM_BODY), ("hand", 2), ("shape", 1), ("rotation", 1), ("place", 1))
"""Tokens in the order of x, and how many of each."""
_SHAPE = "shape"
"""The one that is not of the main branch."""


def denoiser_graph(net: Denoiser) -> bytes:
    """The model of `Tokens`, both branches and `Tokens.read`; the Gaussian is left out."""
    graph = _Graph()
    width, layers = net.size.width, [*net.main.layers, *net.shape.layers]
    graph.given(PARTS, ["K", PER_NUMBER * NUM_X])
    graph.given(TIME, [4 * width * len(layers)])
    for name in memory_names(len(layers)):
        graph.given(name, [1, HEADS, f"n_{name}", width // HEADS])
    time = graph.split(TIME, [width] * 4 * len(layers), axis=0)
    main, shape = _embedded(graph, net)
    middle = len(net.main.layers)
    main = _branch(graph, net.main, main, time[: 4 * middle], 0)
    shape = _branch(graph, net.shape, shape, time[4 * middle :], middle)
    _read(graph, net.tokens, main, shape)
    return graph.model()


def memory_names(layers: int) -> list[str]:
    """Inputs (1, heads, n, width / heads): keys and values of c_I and c_G of each layer."""
    return [
        f"{part}{k}" for k in range(layers) for part in ("image_k", "image_v", "geometry_k", "geometry_v")
    ]


def memory_values(memory: Sequence[Memory]) -> list[Floats]:
    """What `memory_names` stands for, float32, of one frame."""
    halves = [half for layer in memory for known in layer for half in known.chunk(2, -1)]
    return [h.unflatten(-1, (HEADS, -1)).transpose(1, 2).contiguous().cpu().numpy() for h in halves]


def times(net: Denoiser, levels: Tensor) -> Floats:
    """TIME (m, n) float32 at levels (m,): scale and shift before attention, then before the MLP."""
    with torch.no_grad():
        told = net.time(waves(levels))
        rows = [_adapter(layer).time(told) for layer in (*net.main.layers, *net.shape.layers)]
    one = torch.tensor([1.0, 0.0, 1.0, 0.0]).repeat_interleave(net.size.width)
    return np.asarray(torch.cat([row + one for row in rows], -1).numpy())


class _Graph:
    """Nodes and constants as they are added."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._inputs: list[ValueInfoProto] = []

    def given(self, name: str, shape: Sequence[int | str]) -> None:
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def constant(self, values: Tensor) -> str:
        return self._constant(values.detach().float().contiguous().numpy())

    def _constant(self, values: Floats) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, *inputs: str, outputs: Sequence[str] = (), **attributes: Any) -> str:
        """A node with its first output."""
        names = list(outputs) or [f"value{len(self._nodes)}"]
        self._nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names[0]

    def split(self, value: str, sizes: Sequence[int], axis: int) -> list[str]:
        names = [f"value{len(self._nodes)}_{k}" for k in range(len(sizes))]
        self.add("Split", value, self._constant(np.array(sizes)), outputs=names, axis=axis)
        return names

    def reshape(self, value: str, *shape: int) -> str:
        return self.add("Reshape", value, self._constant(np.array(shape)))

    def times(self, value: str, matrix: Tensor) -> str:
        """Without a bias: that is added by what comes next."""
        return self.add("MatMul", value, self.constant(matrix))

    def affine(self, norm: nn.LayerNorm) -> list[str]:
        """Scale and shift of a norm."""
        return [self.constant(norm.weight), self.constant(norm.bias)]

    def attend(self, query: str, bias: Tensor, key: str, value: str) -> str:
        """Attention to keys and values as they are; the bias is the query's."""
        padded = self.constant(torch.cat((bias, torch.zeros(2 * len(bias)))))
        names = (query, key, value, padded)
        return self.add("MultiHeadAttention", *names, domain=_FUSED, num_heads=HEADS)

    def add_and_norm(
        self, x: str, change: str, bias: Tensor, norm: nn.LayerNorm, by: Sequence[str]
    ) -> list[str]:
        """The norm, with scale and shift `by`, of x + change + bias, and that sum."""
        names = [f"value{len(self._nodes)}{end}" for end in ("", "_sum")]
        inputs, outputs = (x, change, *by, self.constant(bias)), (names[0], "", "", names[1])
        self.add("SkipLayerNormalization", *inputs, outputs=outputs, domain=_FUSED, epsilon=norm.eps)
        return names

    def model(self) -> bytes:
        read = helper.make_tensor_value_info(READ, TensorProto.FLOAT, ["K", NUM_X])
        graph = helper.make_graph(self._nodes, "denoiser", self._inputs, [read], self._constants)
        sets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_FUSED, 1)]
        return bytes(helper.make_model(graph, opset_imports=sets, ir_version=_IR_VERSION).SerializeToString())


def _embedded(graph: _Graph, net: Denoiser) -> tuple[str, str]:
    """Tokens (1, K * 26, width) and (1, K, width) with their names.

    The states of a frame ask the same memory, so they stand in one row of queries.
    """
    into = {name: _numbers(net.tokens.into[name]) for name, _ in _GROUPS}
    parts = graph.split(PARTS, [n * len(into[name][0]) for name, n in _GROUPS], axis=1)
    tokens, biases = {}, {}
    for (name, n), part in zip(_GROUPS, parts, strict=True):
        weight, bias = into[name]
        tokens[name] = graph.times(graph.reshape(part, -1, n, len(weight)), weight)
        biases[name] = bias.expand(n, -1)
    shape, bias = tokens.pop(_SHAPE), biases.pop(_SHAPE)
    main = graph.add("Concat", *tokens.values(), axis=1)
    main = graph.add("Add", main, graph.constant(torch.cat(list(biases.values())) + net.main.names))
    shape = graph.add("Add", shape, graph.constant(bias + net.shape.names))
    return graph.reshape(main, 1, -1, net.size.width), graph.reshape(shape, 1, -1, net.size.width)


def _branch(graph: _Graph, branch: Branch, x: str, time: Sequence[str], first: int) -> str:
    """Tokens at the end; the layers' memories are numbered from `first` on."""
    layers = [_adapter(layer) for layer in branch.layers]
    norms = [(layer.attend_norm, time[4 * k : 4 * k + 2]) for k, layer in enumerate(layers)]
    norms.append((branch.norm, graph.affine(branch.norm)))
    own = graph.add("LayerNormalization", x, *norms[0][1], axis=-1, epsilon=norms[0][0].eps)
    for k, (layer, (norm, by)) in enumerate(zip(layers, norms[1:], strict=True)):
        x, change = _layer(graph, layer, (x, own), time[4 * k + 2 : 4 * k + 4], first + k, len(branch.names))
        own, x = graph.add_and_norm(x, change, _numbers(layer.mlp[2])[1], norm, by)
    return own


def _layer(
    graph: _Graph, layer: AdapterLayer, tokens: tuple[str, str], time: Sequence[str], number: int, count: int
) -> tuple[str, str]:
    """The tokens before the MLP, and its answer without the last bias.

    `tokens` are `count` a state and their norm, `number` is that of the layer's memory.
    """
    x, own = tokens
    change, bias = _attended(graph, layer, own, count)
    asking, x = graph.add_and_norm(x, change, bias, layer.cross_norm, graph.affine(layer.cross_norm))
    halves = zip(layer.query.weight.chunk(2), layer.query.bias.chunk(2), strict=True)
    memory = memory_names(number + 1)[-4:]
    seen = [
        graph.attend(graph.times(asking, weight.T), bias, *memory[2 * k : 2 * k + 2])
        for k, (weight, bias) in enumerate(halves)
    ]
    change = graph.times(graph.add("Concat", *seen, axis=-1), layer.fuse.weight.T)
    y, x = graph.add_and_norm(x, change, layer.fuse.bias, layer.mlp_norm, time)
    into, bias = _numbers(layer.mlp[0])
    hidden = graph.add("BiasGelu", graph.times(y, into), graph.constant(bias), domain=_FUSED)
    return x, graph.times(hidden, _numbers(layer.mlp[2])[0])


def _attended(graph: _Graph, layer: AdapterLayer, own: str, count: int) -> tuple[str, Tensor]:
    """What tokens see in each other, without the last bias, and that."""
    weight, bias, out = layer.qkv.weight, layer.qkv.bias, layer.out
    if count == 1:
        value = slice(2 * out.in_features, None)
        return graph.times(own, (out.weight @ weight[value]).T), out.weight @ bias[value] + out.bias
    names = graph.reshape(own, -1, count, out.in_features), graph.constant(weight.T), graph.constant(bias)
    seen = graph.add("Attention", *names, domain=_FUSED, num_heads=HEADS)
    return graph.times(graph.reshape(seen, 1, -1, out.in_features), out.weight.T), out.bias


def _read(graph: _Graph, tokens: Tokens, main: str, shape: str) -> None:
    """READ from the tokens at the end."""
    groups, width = [(name, n) for name, n in _GROUPS if name != _SHAPE], len(_numbers(tokens.out[_SHAPE])[0])
    main = graph.reshape(main, -1, NUM_TOKENS, width)
    parts = graph.split(main, [n for _, n in groups], axis=1)
    found = {name: part for (name, _), part in zip(groups, parts, strict=True)} | {_SHAPE: shape}
    out = {name: _numbers(tokens.out[name]) for name, _ in _GROUPS}
    sizes = {name: n * len(out[name][1]) for name, n in _GROUPS}
    said = [graph.reshape(graph.times(found[name], out[name][0]), -1, sizes[name]) for name, _ in _GROUPS]
    bias = torch.cat([out[name][1].repeat(n) for name, n in _GROUPS])
    graph.add("Add", graph.add("Concat", *said, axis=1), graph.constant(bias), outputs=[READ])


def _numbers(linear: nn.Module) -> tuple[Tensor, Tensor]:
    """(inputs, outputs) weights and (outputs,) bias."""
    assert isinstance(linear, nn.Linear)
    return linear.weight.T, linear.bias


def _adapter(layer: nn.Module) -> AdapterLayer:
    assert isinstance(layer, AdapterLayer)
    return layer
