"""A network of the user's own for the human half of the answer."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from scorehoi_ros.body.load import load_body
from scorehoi_ros.config.methods import RegressConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.turns import matrix_of_6d
from scorehoi_ros.methods.regress.method import AlignRefiner, build
from scorehoi_ros.methods.regress.proposal import make_estimator
from scorehoi_ros.networks.regressor import Guess, Seen
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.runtime.human import load_human
from tests.test_regress import evidence
from tests.tiny_networks import tiny_sizes, write_networks

TURNED = np.array([0.0, 2.0, 0.0, -3.0, 0.0, 0.0], np.float32)
"""A quarter turn about z, its columns of the wrong length."""


def write_model(
    path: Path, inputs: Mapping[str, list[int]], outputs: Mapping[str, NDArray[np.float32]]
) -> Path:
    """An ONNX file whose outputs are constants, plus the mean of its first input."""
    first = next(iter(inputs))
    nodes = [helper.make_node("ReduceMean", [first], ["mean"], keepdims=0)]
    nodes += [helper.make_node("Add", [f"of_{name}", "mean"], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "human",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape) for n, v in outputs.items()],
        [numpy_helper.from_array(v, f"of_{n}") for n, v in outputs.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def a_guess() -> Guess:
    torch.manual_seed(0)
    shapes = [(1, 52, 6), (1, 10), (1, 3), (1, 4, 6), (1, 4), (1, 3), (1, 431), (1, 64), (1, 64)]
    logs = [(1, 52, 6), (1, 10), (1, 3), (1, 3), (1, 4)]
    rest = [(1, 28, 8), (1, 8, 4, 4), (1, 75, 8)]
    return Guess(*(torch.randn(shape) for shape in shapes + logs + rest))


def a_sight() -> Seen:
    shapes = [(1, 2, 32, 32), (1, 75, 2), (1, 75, 3), (1, 75), (1,), (1, 2), (1, 64, 3), (1, 64, 8)]
    return Seen(*(torch.zeros(shape) for shape in shapes))


BLACK = np.zeros((256, 256, 3), np.uint8)


def test_it_says_the_human_and_leaves_the_rest(tmp_path: Path) -> None:
    said = {
        "theta": np.tile(TURNED, (1, 52, 1)),
        "betas": np.full((1, 10), 0.5, np.float32),
        "camera": np.array([[0.1, 0.2, 1.0]], np.float32),
        "log_camera": np.full((1, 3), -2.0, np.float32),
    }
    ask = load_human(write_model(tmp_path / "h.onnx", {"image": [1, 3, 32, 32]}, said))
    before = a_guess()
    after = ask(BLACK, a_sight(), before)
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert np.allclose(matrix_of_6d(after.theta[0].numpy()), quarter, atol=1e-6)
    assert torch.allclose(after.theta[..., :3].norm(dim=-1), torch.ones(1, 52))
    assert torch.equal(after.betas, torch.full((1, 10), 0.5))
    assert torch.equal(after.camera, torch.tensor([[0.1, 0.2, 1.0]]))
    assert torch.equal(after.log_camera, torch.full((1, 3), -2.0))
    for name in set(Guess._fields) - set(said):
        assert getattr(after, name) is getattr(before, name), name


def test_a_body_without_hands_keeps_the_hands_of_the_guess(tmp_path: Path) -> None:
    path = write_model(tmp_path / "b.onnx", {"focal": [1]}, {"theta": np.tile(TURNED, (1, 22, 1))})
    before = a_guess()
    after = load_human(path)(BLACK, a_sight(), before)
    assert np.allclose(
        matrix_of_6d(after.theta[0, 22:].numpy()), matrix_of_6d(before.theta[0, 22:].numpy()), atol=1e-5
    )
    assert not torch.allclose(after.theta[0, :22], before.theta[0, :22])


def test_the_picture_comes_as_rgb_from_0_to_1(tmp_path: Path) -> None:
    said = {"theta": np.tile(TURNED, (1, 22, 1)), "betas": np.zeros((1, 10), np.float32)}
    ask = load_human(write_model(tmp_path / "p.onnx", {"image": [1, 3, 16, 16]}, said))
    red = BLACK.copy()
    red[..., 0] = 255
    assert torch.allclose(ask(red, a_sight(), a_guess()).betas, torch.full((1, 10), 1 / 3))


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ({"pixels": [1, 3, 8, 8]}, {"theta": (1, 52, 6)}, "an input pixels"),
        ({"image": [1, 3, 8, 8]}, {"pose": (1, 52, 6)}, "no output theta"),
        ({"image": [1, 3, 8, 8]}, {"theta": (1, 24, 6)}, r"the output theta .*\(1, 24, 6\)"),
        ({"image": [1, 3, 8, 8]}, {"theta": (1, 52, 6), "betas": (1, 16)}, "the output betas"),
        ({"image": [1, 8, 8, 3]}, {"theta": (1, 52, 6)}, "fixed S"),
    ],
)
def test_another_protocol_is_refused_when_it_is_loaded(tmp_path: Path, inputs, outputs, message: str) -> None:
    values = {name: np.zeros(shape, np.float32) for name, shape in outputs.items()}
    with pytest.raises(InputError, match=message):
        load_human(write_model(tmp_path / "x.onnx", inputs, values))


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        load_human(tmp_path / "absent.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(InputError, match="cannot be read"):
        load_human(tmp_path / "broken.onnx")


def test_an_answer_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    said = {"theta": np.full((1, 52, 6), np.nan, np.float32)}
    ask = load_human(write_model(tmp_path / "n.onnx", {"focal": [1]}, said))
    with pytest.raises(InputError, match="finite"):
        ask(BLACK, a_sight(), a_guess())


def test_the_method_takes_its_human(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_sizes(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    weights = write_networks(tmp_path, "geometry", "live")
    said = {"betas": np.full((1, 10), 0.7, np.float32), "theta": np.tile(TURNED, (1, 22, 1))}
    path = write_model(tmp_path / "b.onnx", {"image": [1, 3, 8, 8]}, said)
    proposals = []
    for own in ("", str(path)):
        settings = RegressConfig(size="live", weights=weights, human_network=own)
        estimator = make_estimator(
            load_body(), load_template("box:0.40x0.30x0.20"), PipelineConfig(regress=settings)
        )
        proposals.append(estimator(evidence(), None).best)
    ours, theirs = proposals
    assert ours.human is not None and theirs.human is not None and ours.object is not None
    assert np.allclose(theirs.human.betas, 0.7) and not np.allclose(ours.human.betas, 0.7)
    assert np.allclose(theirs.human.t_cam, ours.human.t_cam)
    assert theirs.object is not None and np.allclose(theirs.object.R_o, ours.object.R_o)


def test_what_somebody_elses_network_says_is_not_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The corrector knows how our network errs, not theirs."""
    tiny_sizes(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    weights = write_networks(tmp_path, "geometry", "live", "live-contact", "live-corrector")
    said = {"theta": np.tile(TURNED, (1, 22, 1))}
    path = write_model(tmp_path / "b.onnx", {"image": [1, 3, 8, 8]}, said)
    for own in ("", str(path)):
        settings = RegressConfig(size="live", weights=weights, human_network=own)
        config = PipelineConfig(regress=settings)
        refiner = build(load_body(), load_template("box:0.40x0.30x0.20"), config).refiner
        assert isinstance(refiner, AlignRefiner) and (refiner.correction is None) == bool(own)
