"""States on disk: they come back as they were, and a file cannot call anything."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.saved import UnknownKindError, load_value, save_value
from scorehoi_ros.types import Status


def test_what_is_saved_comes_back_bit_for_bit(tmp_path: Path) -> None:
    shared = np.array([0.1, np.nan, -0.0])
    value: dict[str, Any] = {
        "a": (1, 2.5, float("inf"), None, True, "ä"),
        "b": [shared, shared, np.float32(1) / 3, np.zeros((0, 3), bool), np.int64(7)],
        "c": Status.LOST,
        "d": torch.arange(6.0, dtype=torch.float64).reshape(2, 3).T,
        "e": np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
    }
    save_value(tmp_path / "x.npz", value)
    back = load_value(tmp_path / "x.npz")
    assert back["a"] == value["a"]
    assert back["b"][0] is back["b"][1] and back["b"][0].tobytes() == shared.tobytes()
    assert [type(v) for v in back["b"]] == [type(v) for v in value["b"]] and back["b"][2] == value["b"][2]
    assert back["c"] is Status.LOST
    assert back["d"].dtype == torch.float64 and torch.equal(back["d"], value["d"])
    assert np.array_equal(back["e"], value["e"]) and back["e"].strides == value["e"].strides
    with pytest.raises(UnknownKindError, match="object"):
        save_value(tmp_path / "y.npz", [object()])
    assert not (tmp_path / "y.npz").exists()


def test_a_file_calls_nothing_but_plain_values(tmp_path: Path) -> None:
    for name in ("os:system", "subprocess:Popen", "builtins:print"):
        tree = json.dumps({"format": 1, "value": {"made": name, "of": [["args", "true"]]}})
        np.savez(tmp_path / "x.npz", tree=np.array(tree))
        with pytest.raises(InputError, match="cannot be read"):
            load_value(tmp_path / "x.npz")
