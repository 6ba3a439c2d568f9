"""Sizes that an exporter wrote into a graph of images, made anew for another size of image.

Where a graph of fixed shapes is folded, its image sizes stand in three places: targets of Reshape, amounts
of Pad, ends of Slice.  One walk in the order of the graph, which knows every tensor's old and new shape,
writes them anew.  Understood is what vision transformers with windows (Swin, TinyViT) do: flatten an image
and unfold it, pad it to whole windows and cut the padding off, split it into windows and join them.
"""

from collections.abc import Sequence
from math import isqrt, prod

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, TypeProto, defs, helper, numpy_helper
from onnx.shape_inference import InferenceError, infer_node_outputs

from scorehoi_ros.errors import InputError

Shape = tuple[int, ...]


class SizeError(InputError):
    """A size in the graph is not understood."""


def resize(model: onnx.ModelProto, input_shape: Shape) -> None:
    """Make `model`, which has one input and only fixed shapes, one for inputs of `input_shape`; in place.

    Raises SizeError when a size is not understood.
    """
    sizes = _Sizes(model, input_shape)
    # Nodes are in the order of computation: what a node reads has been seen.
    for node in list(model.graph.node):
        sizes.visit(node)
    graph = model.graph
    read = {name for node in graph.node for name in node.input}
    kept = [constant for constant in graph.initializer if constant.name in read]
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(kept)
    for value in (graph.input[0], *graph.output):
        value.type.CopyFrom(_tensor_type(value.type.tensor_type.elem_type, sizes.new[value.name]))


class _Sizes:
    """Old and new shapes of the tensors of a graph, as far as it has been walked through."""

    def __init__(self, model: onnx.ModelProto, input_shape: Shape) -> None:
        graph = model.graph
        self.opsets = {o.domain: o.version for o in model.opset_import}
        self.ir_version = model.ir_version
        self.graph = graph
        self.constants: dict[str, TensorProto] = {c.name: c for c in graph.initializer}
        self.readers: dict[str, list[NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.kinds = {c.name: c.data_type for c in graph.initializer}
        self.old: dict[str, Shape] = {c.name: tuple(c.dims) for c in graph.initializer}
        self.new = dict(self.old)
        first = graph.input[0]
        self.kinds[first.name] = first.type.tensor_type.elem_type
        self.old[first.name] = tuple(d.dim_value for d in first.type.tensor_type.shape.dim)
        self.new[first.name] = input_shape
        self.splits: dict[Shape, list[Shape]] = {}
        """Neighbouring axes of tensors seen, and what they have become."""
        self.padded: dict[tuple[int, int], int] = {}
        """(padded, before) of old axes -> before, of the new one."""

    def visit(self, node: NodeProto) -> None:
        """Infer the old shapes of what the node writes, give it new sizes, and infer the new shapes."""
        self._infer(node, self.old)
        rewrite = {"Reshape": self._reshape, "Pad": self._pad, "Slice": self._slice}.get(node.op_type)
        if rewrite is not None:
            rewrite(node)
        self._infer(node, self.new)
        for name in node.output:
            self._remember(self.old[name], self.new[name])

    def _infer(self, node: NodeProto, shapes: dict[str, Shape]) -> None:
        """Add the shapes of the node's outputs to `shapes`."""
        given = [name for name in node.input if name]
        version = self.opsets.get(node.domain, 0)
        try:
            found = infer_node_outputs(
                defs.get_schema(node.op_type, version, node.domain),
                node,
                {name: _tensor_type(self.kinds[name], shapes[name]) for name in given},
                {name: self.constants[name] for name in given if name in self.constants},
                opset_imports=[helper.make_opsetid(d, v) for d, v in self.opsets.items()],
                ir_version=self.ir_version,
            )
        except (InferenceError, defs.SchemaError) as error:
            raise SizeError(f"{node.op_type} {node.name}: {str(error).strip().splitlines()[-1]}") from error
        for name in node.output:
            self.kinds[name] = found[name].tensor_type.elem_type
            shapes[name] = tuple(d.dim_value for d in found[name].tensor_type.shape.dim)

    def _remember(self, old: Shape, new: Shape) -> None:
        for first in range(len(old)):
            for end in range(first + 2, len(old) + 1):
                known = self.splits.setdefault(old[first:end], [])
                if new[first:end] not in known:
                    known.append(new[first:end])

    def _reshape(self, node: NodeProto) -> None:
        source, target = node.input[0], self.old[node.output[0]]
        new: list[int] = []
        for taken, given in groups(self.old[source], target):
            here = tuple(self.new[source][i] for i in taken)
            old = tuple(self.old[source][i] for i in taken)
            new += self._regrouped(node, old, tuple(target[i] for i in given), here)
        self._set(node, 1, new)

    def _regrouped(self, node: NodeProto, old: Shape, wanted: Shape, now: Shape) -> Shape:
        """What the axes `wanted`, made from the axes `old`, become now that these are `now`."""
        total = prod(now)
        if old == now:
            return wanted
        if len(wanted) == 1:
            return (total,)
        known = [s for s in self.splits.get(wanted, ()) if prod(s) == total]
        if known:
            return known[-1]
        ones = wanted.count(1)
        rest = tuple(w for w in wanted if w != 1)
        if len(rest) == 1:
            return tuple(1 if w == 1 else total for w in wanted)
        if not ones and len(rest) == 2 and rest[0] == rest[1] and isqrt(total) ** 2 == total:
            return (isqrt(total),) * 2
        first, others = wanted[0], prod(wanted[1:])
        if first > 1 and total % others == 0:
            return (total // others, *wanted[1:])
        raise SizeError(f"Reshape {node.name}: {old} to {wanted}, now {now}")

    def _pad(self, node: NodeProto) -> None:
        old, new, padded = self.old[node.input[0]], self.new[node.input[0]], self.old[node.output[0]]
        amounts = numpy_helper.to_array(self.constants[node.input[1]]).copy()
        rank = len(old)
        for axis in range(rank):
            window = self._window(node.output[0], axis)
            if old[axis] == padded[axis] or window is None:
                continue
            amounts[axis], amounts[rank + axis] = 0, -new[axis] % window
            self.padded[padded[axis], old[axis]] = new[axis]
        self._set(node, 1, amounts)

    def _window(self, name: str, axis: int) -> int | None:
        """Side of the windows into which the axis of a tensor is split by the node that reads it."""
        for reader in self.readers.get(name, ()):
            if reader.op_type != "Reshape":
                continue
            shape = self.old[name]
            target = tuple(numpy_helper.to_array(self.constants[reader.input[1]]).tolist())
            for taken, given in groups(shape, target):
                if taken == [axis] and len(given) == 2:
                    return target[given[1]]
        return None

    def _slice(self, node: NodeProto) -> None:
        old, new = self.old[node.input[0]], self.new[node.input[0]]
        if len(node.input) < 4:
            return
        ends = numpy_helper.to_array(self.constants[node.input[2]]).copy()
        axes = numpy_helper.to_array(self.constants[node.input[3]])
        for i, axis in enumerate(axes):
            before = (old[axis], int(ends[i]))
            if before in self.padded:
                ends[i] = self.padded[before]
            elif old[axis] != new[axis] and ends[i] < old[axis]:
                raise SizeError(f"Slice {node.name}: to {ends[i]} of {old[axis]}, now {new[axis]}")
        self._set(node, 2, ends)

    def _set(self, node: NodeProto, place: int, values: "Sequence[int] | np.ndarray") -> None:
        """Give the node a constant of its own; others may read the old one."""
        name = f"{node.output[0]}_size_{place}"
        constant = numpy_helper.from_array(np.asarray(values, np.int64), name)
        self.graph.initializer.append(constant)
        self.constants[name], self.kinds[name] = constant, TensorProto.INT64
        self.new[name] = tuple(constant.dims)
        node.input[place] = name


def groups(source: Shape, target: Shape) -> list[tuple[list[int], list[int]]]:
    """The axes of two shapes of one number of elements in the smallest groups of equal products.

    An axis of length one belongs to the group before it.
    """
    result: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(source) or j < len(target):
        taken, given = ([i], [j]) if i < len(source) and j < len(target) else ([], [])
        i, j = i + len(taken), j + len(given)
        one, other = prod(source[k] for k in taken), prod(target[k] for k in given)
        while one != other or not (taken or given):
            if one <= other and i < len(source):
                taken.append(i)
                one *= source[i]
                i += 1
            else:
                given.append(j)
                other *= target[j]
                j += 1
        result.append((taken, given))
    return result


def _tensor_type(kind: int, shape: Shape) -> TypeProto:
    return helper.make_tensor_type_proto(kind, shape)
