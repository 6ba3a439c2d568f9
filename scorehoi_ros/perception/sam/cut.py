"""An exported pair of SAM made for smaller images, so that it costs less where the object fills its window.

The weights stay as they are, so a pair can be cut only if its encoder has no table of positions (as
TinyViT, whose attention stays within windows).  The decoder gets the positions of fewer image tokens, and
takes prompts in pixels of the smaller image.  Graphs are folded by ONNX Runtime, whose basic optimisations
keep to standard operators.
"""

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, numpy_helper

from scorehoi_ros.assets import sha256
from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.files import cache_folder, whole_file
from scorehoi_ros.perception.sam.sizes import resize
from scorehoi_ros.types import Floats

STRIDE, MASK_STRIDE = 16, 4
"""Pixels of SAM's input for each image token, and for each pixel of its masks."""
VERSION = 1
"""Of what this module makes: files of another version are made again."""
_ROUNDING = 1e-3
"""Largest difference between the stored positions of tokens and those made here."""

_log = logging.getLogger(__name__)


def cut_pair(encoder: Path, decoder: Path, size: int) -> tuple[bytes, bytes]:
    """Both models for images of `size` pixels, from the cache folder if they were made before.

    Raises InputError when the pair cannot be cut.
    """
    return _kept(encoder, size, cut_encoder), _kept(decoder, size, cut_decoder)


def _kept(path: Path, size: int, make: Callable[[ModelProto, int], ModelProto]) -> bytes:
    """The cut model of a file; a cache that cannot be written is only logged."""
    file = cache_folder("models") / f"{path.stem}-{sha256(path)[:16]}-{size}-{VERSION}.onnx"
    if file.is_file():
        return file.read_bytes()
    try:
        data = bytes(make(onnx.load(str(path)), size).SerializeToString())
    except Exception as error:  # protobuf and onnxruntime raise their own types
        raise InputError(
            f"{path} cannot be cut to {size} pixels ({str(error).strip()[:300]}). Choose --sam-size auto, "
            "which uses files that are named as they are."
        ) from error
    try:
        with whole_file(file) as temporary:
            temporary.write_bytes(data)
    except OutputError as error:
        _log.warning("the cut model is not kept: %s", error)
    return data


def cut_encoder(model: ModelProto, size: int) -> ModelProto:
    """An image encoder (n, 3, side, side) for (1, 3, size, size); raises InputError when it is none."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    if len(dims) != 4 or dims[1].dim_value != 3 or dims[2].dim_value != dims[3].dim_value:
        raise InputError("its input must be (1, 3, side, side)")
    dims[0].dim_value = 1
    model = folded(model)
    resize(model, (1, 3, size, size))
    tokens = [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim][2:]
    if tokens != [size // STRIDE] * 2:
        raise InputError(f"its output has {tokens} tokens, expected {size // STRIDE} to each side")
    return model


def cut_decoder(model: ModelProto, size: int) -> ModelProto:
    """A mask decoder as segment-anything exports it, for images of `size` pixels, without the output `masks`.

    Raises InputError when the positions of the image tokens, or the scale of the prompts, are not found.
    """
    model = folded(model)
    graph, side = model.graph, size // STRIDE
    for value in graph.input:
        fixed = {"image_embeddings": side, "mask_input": size // MASK_STRIDE}.get(value.name)
        for dim in value.type.tensor_type.shape.dim[2:] if fixed else ():
            dim.dim_value = fixed
    _scale_prompts(model, size)
    _place_tokens(model, side)
    outputs = [value for value in graph.output if value.name != "masks"]
    del graph.output[:], graph.value_info[:]
    graph.output.extend(outputs)
    return model


def folded(model: ModelProto) -> ModelProto:
    """The model after ONNX Runtime's basic optimisations: what does not depend on its inputs is computed."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        result = onnx.load(options.optimized_model_filepath)
    used = {node.domain for node in result.graph.node}
    kept = [opset for opset in result.opset_import if opset.domain in used]
    del result.opset_import[:]
    result.opset_import.extend(kept)
    return result


def _scale_prompts(model: ModelProto, size: int) -> None:
    """The decoder divides (clicks + 0.5) by the side of the image: by `size` from now on."""
    graph = model.graph
    constants = {c.name: c for c in graph.initializer}
    moved = {node.output[0] for node in _readers(model, "point_coords") if node.op_type == "Add"}
    for node in graph.node:
        if node.op_type == "Div" and node.input[0] in moved and node.input[1] in constants:
            kind = numpy_helper.to_array(constants[node.input[1]]).dtype
            graph.initializer.append(numpy_helper.from_array(np.asarray(size, kind), "side_of_image"))
            node.input[1] = "side_of_image"
            return
    raise InputError("where it scales the prompts was not found")


def _readers(model: ModelProto, name: str) -> list[NodeProto]:
    return [node for node in model.graph.node if name in node.input]


def _place_tokens(model: ModelProto, side: int) -> None:
    """Make the table of the image tokens' positions anew, from the directions that also code the clicks."""
    constants = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
    directions = [c for c in constants.values() if c.ndim == 2 and c.shape[0] == 2]
    for place in model.graph.initializer:
        table = constants[place.name]
        if table.ndim < 4 or table.shape[-1] != table.shape[-2]:
            continue
        for found in directions:
            if _codes(table, found):
                new = token_positions(found, side).reshape(*table.shape[:-2], side, side)
                place.CopyFrom(numpy_helper.from_array(new.astype(table.dtype), place.name))
                return
    raise InputError("the positions of its image tokens were not found")


def _codes(table: Floats, directions: Floats) -> bool:
    """Whether a table (..., 2 n, side, side) holds the positions along `directions` (2, n)."""
    if table.shape[-3] != 2 * directions.shape[1] or table.shape[-1] == 1:
        return False
    return bool(np.abs(token_positions(directions, table.shape[-1]) - table).max() < _ROUNDING)


def token_positions(directions: Floats, side: int) -> Floats:
    """(2 n, side, side) sines and cosines of the tokens' centres along random directions (2, n).

    The code of positions of Segment Anything (Kirillov et al., 2023), after Tancik et al., 2020.
    """
    centres = 2.0 * (np.arange(side) + 0.5) / side - 1.0
    angles = 2.0 * np.pi * np.einsum("dc,dyx->cyx", directions, np.stack(np.meshgrid(centres, centres)))
    return np.concatenate([np.sin(angles), np.cos(angles)])
