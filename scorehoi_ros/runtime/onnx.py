"""Networks in ONNX Runtime: exported once for each file of weights and layout, kept in the cache."""

import logging
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from zlib import crc32

import onnxruntime
import torch
from torch import Tensor, nn

from scorehoi_ros import networks
from scorehoi_ros.files import cache_folder, whole_file
from scorehoi_ros.runtime.weights import Weights

OPSET = 17

_log = logging.getLogger(__name__)


def exported(
    net: nn.Module,
    blank: tuple[Tensor, ...],
    weights: Weights,
    inputs: Sequence[str],
    outputs: Sequence[str],
    rows: str = "",
) -> Path:
    """The ONNX file of a network with these weights; `blank` are arguments of the right shapes.

    `rows` names the leading dimension where it is free.  Raises OutputError when the cache cannot be written.
    """
    kind, version = weights.told["kind"], torch.__version__.split("+")[0]
    name = "-".join((str(kind), weights.sha256[:16], _layouts(), f"torch{version}.onnx"))
    path = cache_folder() / "onnx" / name
    if not path.is_file():
        _log.info("exporting the network %s for ONNX Runtime, once", kind)
        with whole_file(path) as temporary, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                net.eval(),  # afterwards it is put back, with all its parts, into the mode that it is in
                blank,
                str(temporary),
                input_names=list(inputs),
                output_names=list(outputs),
                opset_version=OPSET,
                dynamic_axes={name: {0: rows} for name in (*inputs, *outputs)} if rows else None,
                dynamo=False,
            )
    return path


@cache
def _layouts() -> str:
    """Changes with the code of the networks, which the files hold as much as the weights."""
    files = sorted(Path(networks.__file__).parent.glob("*.py"))
    return f"{crc32(b''.join(file.read_bytes() for file in files)):08x}"


def session(model: Path | bytes) -> onnxruntime.InferenceSession:
    """A model, or a file with one, ready to run on the CPU with one thread that does not spin."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    told = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(told, options, providers=["CPUExecutionProvider"])
