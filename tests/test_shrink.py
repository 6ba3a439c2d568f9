"""A smaller regressor from a larger one, and weights that are corrections to it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from scorehoi_ros.errors import WeightsError
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.networks.shrink import LEFT, RIGHT, corrected, corrections, shrunk
from scorehoi_ros.networks.sizes import SIZES, RegressorSize
from scorehoi_ros.runtime.layouts import check_weights, load_network
from scorehoi_ros.runtime.weights import BASED_ON, read_weights, write_weights
from tests.tiny_networks import TINY

LARGE = RegressorSize("lite", 64, TINY.width, 5)


def made(size: RegressorSize, seed: int = 0) -> Regressor:
    torch.manual_seed(seed)
    return Regressor(size)


def trained(base: dict[str, Tensor]) -> dict[str, Tensor]:
    """A little off the base, matrices by a change of rank 3."""
    g = torch.Generator().manual_seed(1)

    def moved(value: Tensor) -> Tensor:
        if not value.is_floating_point():
            return value + 1
        if value.ndim < 2:
            return value + 0.1
        rows = value.flatten(1)
        change = torch.randn(len(rows), 3, generator=g) @ torch.randn(3, rows.shape[1], generator=g)
        return value + 0.01 * change.reshape(value.shape)

    return {name: moved(value) for name, value in base.items()}


def size_of(tensors: dict[str, Tensor]) -> int:
    return sum(t.numel() for t in tensors.values())


def test_a_smaller_network_starts_from_a_larger_one() -> None:
    full, live = made(LARGE), made(TINY, 1)
    live.load_state_dict(shrunk(full.state_dict(), live))
    small, large = live.state_dict(), full.state_dict()
    for here, there in ((0, 0), (TINY.layers - 1, LARGE.layers - 1)):
        assert torch.equal(small[f"layers.{here}.qkv.weight"], large[f"layers.{there}.qkv.weight"])
    assert torch.equal(live.heads.rotation.weight, full.heads.rotation.weight)
    square = full.image_place[0].reshape(2, 2, 2, 2, TINY.width)
    assert torch.allclose(live.image_place[0], square.mean((1, 3)).flatten(0, 1), atol=1e-6)


def test_a_network_of_the_same_size_takes_everything() -> None:
    whole = made(TINY).state_dict()
    same = shrunk(whole, made(TINY, 1))
    assert same.keys() == whole.keys() and all(torch.equal(same[name], whole[name]) for name in whole)


def test_weights_that_do_not_fit_are_told() -> None:
    wide = made(RegressorSize("lite", 32, 2 * TINY.width, 2)).state_dict()
    for weights in (wide, {}, {"stem.weight": torch.ones(1)}):
        with pytest.raises(WeightsError, match="does not fit"):
            shrunk(weights, made(TINY))


def test_corrections_of_a_low_rank_come_back() -> None:
    base = made(TINY).state_dict()
    after = trained(base)
    told = corrections(after, base, 3)
    assert size_of(told) < 0.6 * size_of(after)
    back = corrected(base, told)
    assert back.keys() == after.keys()
    assert all(torch.allclose(back[n].float(), after[n].float(), atol=1e-4) for n in after)
    less = corrected(base, corrections(after, base, 1))
    assert any(not torch.allclose(less[n].float(), after[n].float(), atol=1e-3) for n in after)


def test_corrections_of_another_network_are_told() -> None:
    base = made(TINY).state_dict()
    with pytest.raises(WeightsError, match="which the network has not"):
        corrected(base, {"nothing.weight": torch.ones(2)})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of a size "full", and of "live" as corrections to them."""
    monkeypatch.setitem(SIZES, "live", TINY)
    monkeypatch.setitem(SIZES, "full", LARGE)
    full = made(LARGE).state_dict()
    write_weights(tmp_path / "full.safetensors", full, {"kind": "full"})
    base = shrunk(full, made(TINY))
    told = corrections(trained(base), base, 3)
    write_weights(tmp_path / "live.safetensors", told, {"kind": "live", BASED_ON: "full"})
    return tmp_path


def test_files_that_are_corrections_are_completed(folder: Path) -> None:
    net, whole = load_network("live", Regressor, str(folder))
    after, state = trained(shrunk(made(LARGE).state_dict(), net)), net.state_dict()
    assert all(torch.allclose(state[n].float(), after[n].float(), atol=2e-2) for n in after)
    full = load_network("full", Regressor, str(folder))[1]
    write_weights(folder / "full.safetensors", made(LARGE, 5).state_dict(), {"kind": "full"})
    other = load_network("live", Regressor, str(folder))[1]
    assert len({whole.sha256, full.sha256, other.sha256}) == 3  # each names an export of its own
    check_weights(folder / "live.safetensors")


def test_corrections_without_what_they_correct_are_told(folder: Path) -> None:
    told = read_weights("live", str(folder)).tensors
    name = next(n for n in told if n.endswith(RIGHT))
    for wrong in ({n: t for n, t in told.items() if n != name}, told | {name: told[name][:, :1]}):
        write_weights(folder / "live.safetensors", wrong, {"kind": "live", BASED_ON: "full"})
        with pytest.raises(WeightsError, match="no corrections to 'full'"):
            check_weights(folder / "live.safetensors")
    assert name.removesuffix(RIGHT) + LEFT in told
    (folder / "full.safetensors").unlink()
    with pytest.raises(WeightsError, match="full.safetensors cannot be read"):
        check_weights(folder / "live.safetensors")
