"""What a session remembers, in a file: frozen dataclasses, named tuples, arrays and tensors; no pickle.

A track is read back exactly: every bit of every number, and one object that is reached in two ways stays one
(`methods/regress/memory.py` asks whether an estimate is the very one that was tracked).
"""

import importlib
import json
import sys
from dataclasses import fields, is_dataclass
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scorehoi_ros.files import whole_file
from scorehoi_ros.npz import Field, Layout, damage_told, read_npz

FORMAT = 1
_TREE = "tree"
_LAYOUT = Layout("a saved state", "It cannot be gone on from.", {_TREE: Field("U")})


class UnknownKindError(TypeError):
    """A value of a kind that cannot be kept, such as an object of a method that is no dataclass."""


def save_value(path: str | Path, value: Any) -> None:
    """Write a value whole or not at all.

    It may hold None, numbers, text, enums, arrays, tensors, lists, tuples, dicts by text, dataclasses and
    named tuples, whose arrays nobody changes.  Raises UnknownKindError for anything else, and OutputError.
    """
    writer = _Writer()
    tree = json.dumps({"format": FORMAT, "value": writer.node(value)})
    # Through memory: a zip file that meets a full disk complains once more when it is collected.
    content = BytesIO()
    np.savez(content, **writer.arrays, **{_TREE: np.array(tree)})
    with whole_file(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def load_value(path: str | Path) -> Any:
    """Read what `save_value` wrote; no class is made but plain ones.

    They are those of our own modules, or of modules that are imported already.

    Raises InputError when the file is missing, damaged, or of another version.
    """
    path = Path(path)
    arrays = read_npz(path, _LAYOUT)
    with damage_told(path, _LAYOUT):
        tree = json.loads(str(arrays[_TREE]))
        if tree["format"] != FORMAT:
            raise ValueError(f"format {tree['format']}, expected {FORMAT}")
        return _Reader(arrays).value(tree["value"])


class _Writer:
    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self._known: dict[int, int] = {}
        self._kept: list[Any] = []

    def node(self, value: Any) -> Any:
        """JSON of a value; what has parts gets a number, and is a reference where it comes again."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if id(value) in self._known:
            return {"again": self._known[id(value)]}
        described = self._described(value)
        self._known[id(value)] = len(self._kept)
        self._kept.append(value)
        return described

    def _described(self, value: Any) -> dict[str, Any]:
        if isinstance(value, np.ndarray | np.generic):
            return {"array": self._array(np.asarray(value)), "scalar": isinstance(value, np.generic)}
        if isinstance(value, torch.Tensor):
            array = np.asarray(value.detach().cpu().numpy())
            return {"tensor": self._array(array), "device": str(value.device)}
        if isinstance(value, Enum):
            return {"enum": _name(type(value)), "value": self.node(value.value)}
        if isinstance(value, dict) and all(type(key) is str for key in value):
            return {"dict": [[key, self.node(item)] for key, item in value.items()]}
        if type(value) in (list, tuple):
            return {type(value).__name__: [self.node(item) for item in value]}
        if is_dataclass(value) and not isinstance(value, type):
            names = [f.name for f in fields(value)]
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            names = list(value._fields)
        else:
            raise UnknownKindError(f"{type(value).__module__}.{type(value).__qualname__} cannot be saved")
        return {"made": _name(type(value)), "of": [[n, self.node(getattr(value, n))] for n in names]}

    def _array(self, array: Any) -> list[Any]:
        """Its name and the order of its axes: sums and products round by how numbers lie in memory."""
        if array.dtype.hasobject:
            raise UnknownKindError("an array of objects cannot be saved")
        name = f"a{len(self.arrays)}"
        axes = sorted(range(array.ndim), key=lambda k: -array.strides[k])
        self.arrays[name] = np.ascontiguousarray(array.transpose(axes)).reshape(
            [array.shape[k] for k in axes]
        )
        return [name, axes]


class _Reader:
    def __init__(self, arrays: dict[str, Any]) -> None:
        self._arrays = arrays
        self._known: list[Any] = []

    def value(self, node: Any) -> Any:
        """The value of what `_Writer.node` made."""
        if not isinstance(node, dict):
            return node
        if "again" in node:
            return self._known[node["again"]]
        value = self._made(node)
        self._known.append(value)
        return value

    def _made(self, node: dict[str, Any]) -> Any:
        if "array" in node:
            array = self._array(node["array"])
            return array[()] if node["scalar"] else array
        if "tensor" in node:
            return torch.from_numpy(self._array(node["tensor"])).to(node["device"])
        if "enum" in node:
            return _class(node["enum"])(self.value(node["value"]))
        if "dict" in node:
            return {key: self.value(item) for key, item in node["dict"]}
        for kind in (list, tuple):
            if kind.__name__ in node:
                return kind(self.value(item) for item in node[kind.__name__])
        made = _class(node["made"])
        return made(**{name: self.value(item) for name, item in node["of"]})

    def _array(self, told: list[Any]) -> Any:
        name, axes = told
        return self._arrays[name].transpose(np.argsort(np.array(axes, int)))


def _name(made: type) -> str:
    return f"{made.__module__}:{made.__qualname__}"


def _class(name: str) -> Any:
    """A dataclass, named tuple or enum; only our own modules are imported, and nothing else is called."""
    module, _, qualified = name.partition(":")
    if module.startswith(f"{__package__.partition('.')[0]}."):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ValueError(f"{name} is not known here") from error
    found: Any = sys.modules[module]
    for part in qualified.split("."):
        found = getattr(found, part)
    plain = is_dataclass(found) or issubclass(found, Enum) or hasattr(found, "_fields")
    if not isinstance(found, type) or not plain:
        raise ValueError(f"{name} is no plain value")
    return found
