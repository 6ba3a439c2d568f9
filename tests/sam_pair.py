"""A tiny pair of ONNX files with the inputs and outputs that SAM's export has: it finds what is red."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 64
QUARTER = SIZE // 4


def save(path, nodes, inputs, outputs, constants=()):
    """A small ONNX file; inputs and outputs are (name, shape) of float32."""

    def values(items):
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in items]

    graph = helper.make_graph(
        [helper.make_node(op, list(ins), list(outs), **attributes) for op, ins, outs, attributes in nodes],
        "tiny",
        values(inputs),
        values(outputs),
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def save_encoder(path):
    """Embeds an image as its own red channel, averaged over 4 x 4 pixels."""
    return save(
        path,
        [
            ("Slice", ("images", "from", "to", "axis"), ("red",), {}),
            ("AveragePool", ("red",), ("embeddings",), {"kernel_shape": [4, 4], "strides": [4, 4]}),
        ],
        [("images", [1, 3, SIZE, SIZE])],
        [("embeddings", [1, 1, QUARTER, QUARTER])],
        [("from", np.array([0])), ("to", np.array([1])), ("axis", np.array([1]))],
    )


def save_decoder(path):
    """Mask = bright red pixels + mask prior; its predicted IoU = sum of the point labels / 10."""
    nodes = [
        ("Mul", ("mask_input", "has_mask_input"), ("prior",), {}),
        ("Add", ("image_embeddings", "prior"), ("low_res_masks",), {}),
        ("ReduceSum", ("point_labels", "label_axes"), ("labels",), {"keepdims": 1}),
        ("ReduceSum", ("point_coords", "point_axes"), ("points",), {"keepdims": 0}),
        ("ReduceSum", ("orig_im_size", "size_axes"), ("size",), {"keepdims": 0}),
        ("Mul", ("points", "zero"), ("no_points",), {}),
        ("Mul", ("size", "zero"), ("no_size",), {}),
        ("Div", ("labels", "ten"), ("quality",), {}),
        ("Add", ("quality", "no_points"), ("quality_2",), {}),
        ("Add", ("quality_2", "no_size"), ("iou_predictions",), {}),
        ("Identity", ("low_res_masks",), ("masks",), {}),
    ]
    inputs = [
        ("image_embeddings", [1, 1, QUARTER, QUARTER]),
        ("point_coords", [1, "n", 2]),
        ("point_labels", [1, "n"]),
        ("mask_input", [1, 1, QUARTER, QUARTER]),
        ("has_mask_input", [1]),
        ("orig_im_size", [2]),
    ]
    square = [1, 1, QUARTER, QUARTER]
    outputs = [("masks", square), ("iou_predictions", [1, 1]), ("low_res_masks", square)]
    constants = [
        ("label_axes", np.array([1])),
        ("point_axes", np.array([0, 1, 2])),
        ("size_axes", np.array([0])),
        ("zero", np.float32(0.0)),
        ("ten", np.float32(10.0)),
    ]
    return save(path, nodes, inputs, outputs, constants)
