"""The human half of the regressor's answer by a network of the user's own, an ONNX file.

Protocol, batch 1, float32, named as in `networks.regressor`:

- inputs, any of: `image` (1, 3, S, S) RGB 0..1, the crop around person and object, S fixed; and `masks`,
  `landmarks`, `world`, `confidence`, `focal`, `scores` as of `Seen`;
- outputs: `theta` (1, 52, 6), or (1, 22, 6) without hands, in the view frame (the camera turned so that its z
  axis goes through the middle of the crop; first two columns of each rotation); optional `betas` (1, 10) of
  the body model in use, `camera` (1, 3), and the logs of their standard deviations `log_theta`, `log_betas`,
  `log_camera`.

What the file does not say, the shipped regressor says: object, contacts, features, and so the place of the
person without `camera`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.rotation import orthonormal_6d
from scorehoi_ros.networks.regressor import NUM_BODY, Guess, Seen
from scorehoi_ros.runtime.onnx import session
from scorehoi_ros.types import NUM_BETAS, NUM_JOINTS

HumanAnswer = Callable[[NDArray[np.uint8], Seen, Guess], Guess]
"""(pixels of the crop (s, s, 3) RGB, what is seen, the regressor's guess) -> the guess with another human."""

IMAGE = "image"
INPUTS = (IMAGE, "masks", "landmarks", "world", "confidence", "focal", "scores")
OF_THETA = ((1, NUM_JOINTS, 6), (1, NUM_BODY, 6))
OUTPUTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "theta": OF_THETA,
    "betas": ((1, NUM_BETAS),),
    "camera": ((1, 3),),
    "log_theta": OF_THETA,
    "log_betas": ((1, NUM_BETAS),),
    "log_camera": ((1, 3),),
}
"""Shapes that an output may have."""
PROTOCOL = (
    f"Inputs may be {', '.join(INPUTS)}; outputs must have theta {OF_THETA[0]} or {OF_THETA[1]} and may have "
    "betas, camera and the log_ of each (python -m pydoc scorehoi_ros.runtime.human)"
)


def load_human(path: Path) -> HumanAnswer:
    """The network in a file; it, or its answer, raises InputError when it does not keep to the protocol."""
    run = _open(path)
    inputs = {entry.name: entry.shape for entry in run.get_inputs()}
    names = [entry.name for entry in run.get_outputs() if entry.name in OUTPUTS]
    unknown = sorted(set(inputs) - set(INPUTS))
    if unknown or "theta" not in names:
        wrong = f"it has an input {unknown[0]}" if unknown else "it has no output theta"
        raise InputError(f"{path} is not a network of the human half: {wrong}. {PROTOCOL}.")
    for entry in run.get_outputs():
        if entry.name in names and not any(_may_be(entry.shape, shape) for shape in OUTPUTS[entry.name]):
            raise _misshapen(path, entry.name, entry.shape)
    side = _side(inputs[IMAGE], path) if IMAGE in inputs else 0

    def answer(pixels: NDArray[np.uint8], seen: Seen, guess: Guess) -> Guess:
        given = {name: value.cpu().numpy() for name, value in seen._asdict().items() if name in inputs}
        if side:
            given[IMAGE] = _planes(pixels, side)
        try:
            values = run.run(names, given)
        except (
            Exception
        ) as error:  # onnxruntime raises its own types, which have no common base but Exception
            raise InputError(f"{path} failed ({str(error)[:200]}). {PROTOCOL}.") from error
        return _joined(dict(zip(names, values, strict=True)), guess, path)

    return answer


def _open(path: Path) -> Any:
    if not path.is_file():
        raise InputError(
            f"regress.human_network: there is no file {path}. Give an ONNX file, or leave it empty."
        )
    try:
        return session(path)
    except Exception as error:  # see above
        raise InputError(
            f"{path} cannot be read as an ONNX model ({str(error)[-200:]}). {PROTOCOL}."
        ) from error


def _may_be(declared: Sequence[Any], wanted: tuple[int, ...]) -> bool:
    """Whether a declared shape, in which names stand for any length, allows the wanted one."""
    pairs = zip(declared, wanted, strict=False)
    return len(declared) == len(wanted) and all(not isinstance(d, int) or d == w for d, w in pairs)


def _misshapen(path: Path, name: str, shape: Sequence[Any]) -> InputError:
    wanted = " or ".join(map(str, OUTPUTS[name]))
    return InputError(
        f"{path}: the output {name} must be finite, of shape {wanted}. Got shape {tuple(shape)}. {PROTOCOL}."
    )


def _side(shape: list[Any], path: Path) -> int:
    if len(shape) == 4 and shape[1] == 3 and isinstance(shape[2], int) and shape[2] == shape[3]:
        return shape[2]
    raise InputError(f"{path}: the input image must be (1, 3, S, S) with a fixed S. Got {shape}.")


def _planes(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.astype(np.float32).transpose(2, 0, 1)[None] / 255.0)


def _joined(values: dict[str, Any], guess: Guess, path: Path) -> Guess:
    """The guess with what the network says in its place; joints that it leaves out stay."""
    told: dict[str, Tensor] = {}
    for name, value in values.items():
        array = np.asarray(value)
        if array.shape not in OUTPUTS[name] or not np.isfinite(array).all():
            raise _misshapen(path, name, array.shape)
        whole = getattr(guess, name).clone()
        whole[:, : array.shape[1]] = torch.as_tensor(array, dtype=whole.dtype, device=whole.device)
        told[name] = orthonormal_6d(whole) if name == "theta" else whole
    return guess._replace(**told)
