"""Files of weights: what is written comes back, whatever is wrong is said, `auto` goes on without them."""

import json
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from scorehoi_ros import assets
from scorehoi_ros.body.load import free_body
from scorehoi_ros.config.methods import RegressConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError, WeightsError
from scorehoi_ros.inventory import check as doctor
from scorehoi_ros.methods import registry
from scorehoi_ros.networks.pointnext import PointNeXt
from scorehoi_ros.runtime import weights
from scorehoi_ros.runtime.layouts import check_weights, network_of
from scorehoi_ros.runtime.weights import fill, read_weights, write_weights
from tests.tiny_networks import random_network, tiny_sizes, write_networks

MENDING = "scorehoi train"


class Small(nn.Module):
    """Something of each kind that a file holds."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.linear = nn.Linear(4, width)
        self.norm = nn.BatchNorm1d(width)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    net = Small()
    net.norm.running_var.fill_(1e-9)  # nothing in half precision
    net.norm.num_batches_tracked.fill_(70000)
    path = tmp_path / "small.safetensors"
    write_weights(path, net.state_dict(), {"kind": "small", "more": [1, 2]})
    return path


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Shipped weights: models/ with a geometry encoder and its hash."""
    write_networks(tmp_path / "models" / "stage1", "geometry")
    path = tmp_path / "models" / "stage1" / "geometry.safetensors"
    told = {"stage1/geometry.safetensors": {"sha256": weights.sha256(path)}}
    (tmp_path / "models" / "manifest.json").write_text(json.dumps(told))
    monkeypatch.setattr(assets, "model_folders", lambda: [tmp_path / "models"])
    return path


def test_what_is_written_comes_back_in_half_precision(written: Path) -> None:
    found = read_weights("small", str(written.parent))
    torch.manual_seed(0)
    before = Small()
    after = Small()
    fill(after, found)
    assert torch.equal(after.linear.weight, before.linear.weight.half().float())
    assert torch.equal(after.norm.running_var, torch.full((3,), 1e-9))
    assert after.norm.num_batches_tracked == 70000
    assert not after.training and not any(p.requires_grad for p in after.parameters())
    assert found.told == {"kind": "small", "more": [1, 2]} and len(found.sha256) == 64
    assert all(t.dtype in (torch.float32, torch.int64) for t in found.tensors.values())
    assert written.stat().st_size < 1500


def test_another_kind_is_refused(written: Path) -> None:
    written.rename(written.with_name("large.safetensors"))
    with pytest.raises(WeightsError, match="holds 'small', expected 'large'") as caught:
        read_weights("large", str(written.parent))
    assert MENDING in str(caught.value)


def test_missing_weights_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match=f"No such file.*{MENDING}"):
        read_weights("small", str(tmp_path))
    monkeypatch.setenv("SCOREHOI_MODELS", str(tmp_path))
    with pytest.raises(WeightsError, match=f"searched.*{MENDING}"):
        read_weights("none-such")


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_cut_off_weights_are_told(written: Path, kept: int) -> None:
    written.write_bytes(written.read_bytes()[:kept])
    with pytest.raises(WeightsError, match=f"is not a file of weights.*{MENDING}"):
        read_weights("small", str(written.parent))


@pytest.mark.parametrize(
    "told", [None, {"other": "1"}, {"scorehoi": "{"}, {"scorehoi": "3"}, {"scorehoi": "[1]"}]
)
def test_safetensors_of_somebody_else_are_told(tmp_path: Path, told: dict[str, str] | None) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "small.safetensors", told)
    with pytest.raises(WeightsError, match="is not a file of weights"):
        read_weights("small", str(tmp_path))


def test_another_layout_is_told(written: Path) -> None:
    found = read_weights("small", str(written.parent))
    with pytest.raises(WeightsError, match=f"'small' have another layout.*linear.*{MENDING}"):
        fill(Small(width=5), found)
    with pytest.raises(WeightsError, match="another layout"):
        fill(nn.Linear(4, 3), found)


def test_the_shipped_weights_must_be_those_of_the_release(manifest: Path) -> None:
    fill(PointNeXt(), read_weights("geometry"))
    write_weights(manifest, random_network("geometry", 1).state_dict(), {"kind": "geometry"})
    with pytest.raises(WeightsError, match=f"not the file of this release: its sha256.*{MENDING}"):
        read_weights("geometry")
    assert read_weights("geometry", str(manifest.parent)).told == {"kind": "geometry"}
    (manifest.parents[1] / "manifest.json").write_text("{}")
    with pytest.raises(WeightsError, match=f"says nothing about stage1/geometry.*{MENDING}"):
        read_weights("geometry")


def test_each_kind_has_its_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_sizes(monkeypatch)
    kinds = ("geometry", "live", "live-contact", "live-mesh")
    write_networks(tmp_path, *kinds)
    for kind in kinds:
        check_weights(tmp_path / f"{kind}.safetensors")
    assert len({type(network_of(kind)) for kind in kinds}) == 4
    for kind in ("huge", "live-", "live-more", "geometry-mesh", ""):
        with pytest.raises(WeightsError, match="there is no network"):
            network_of(kind)


def test_doctor_judges_weights_by_their_layout(manifest: Path) -> None:
    def finding() -> doctor.Finding:
        (part,) = doctor.networks()
        return doctor.examine_file(part, "")

    assert (finding().state, finding().required) == (doctor.FOUND, False)
    write_weights(manifest, random_network("geometry", 1).state_dict(), {"kind": "geometry"})
    assert finding().state == doctor.OTHER_VERSION and "--regress-weights" in finding().note
    write_weights(manifest, Small().state_dict(), {"kind": "geometry"})
    assert finding().state == doctor.BROKEN and "another layout" in finding().note
    manifest.write_bytes(manifest.read_bytes()[:200])
    broken = finding()
    assert broken.state == doctor.BROKEN and MENDING in broken.note and MENDING in broken.how
    manifest.unlink()
    assert finding().state == doctor.MISSING and "searched" in finding().note
    assert doctor.healthy([finding()])


def test_doctor_without_a_manifest_lists_no_networks(manifest: Path) -> None:
    (manifest.parents[1] / "manifest.json").write_text("[1")
    assert doctor.networks() == []
    with pytest.raises(InputError, match="cannot be read"):
        doctor.shipped_names("stage1/")


def test_auto_is_fit_without_weights_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry._say_once.cache_clear()
    config = PipelineConfig(regress=RegressConfig(size="live", weights=str(tmp_path)))
    assert config.method == "auto"
    with caplog.at_level(logging.WARNING):
        methods = [registry.make_method(free_body(), None, config) for _ in range(3)]
    assert {type(m.estimator).__module__ for m in methods} == {"scorehoi_ros.methods.fit.method"}
    (said,) = caplog.messages
    assert "live.safetensors" in said and "'fit' does the work" in said and MENDING in said


@pytest.mark.parametrize("method", ["regress", "regress-proposal"])
def test_a_named_method_needs_its_weights(tmp_path: Path, method: str) -> None:
    config = PipelineConfig(method=method, regress=RegressConfig(weights=str(tmp_path)))
    with pytest.raises(WeightsError, match=f"full.safetensors.*{MENDING}"):
        registry.make_method(free_body(), None, config)


def test_auto_is_regress_with_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_sizes(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = PipelineConfig(
        regress=RegressConfig(size="live", weights=write_networks(tmp_path, "geometry", "live"))
    )
    method = registry.make_method(free_body(), None, config)
    assert type(method.refiner).__module__ == "scorehoi_ros.methods.regress.method"
