"""The networks that come inside MediaPipe's wheel, run one at a time and without its graph."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import MissingExtraError
from scorehoi_ros.perception.human.native_log import quiet_native_log


class Network:
    """One network; computes in the thread that calls it, which holds no lock of Python meanwhile.

    `name` is its file below mediapipe/modules, without ending.  Raises MissingExtraError when mediapipe or
    ai-edge-litert is not installed.
    """

    def __init__(self, name: str) -> None:
        try:
            # With AVX-512 already the import has something to say.
            with quiet_native_log():
                from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise MissingExtraError(
                f"human perception needs the package ai-edge-litert, which cannot be imported ({error}). "
                "Install it with: pip install ai-edge-litert==2.0.2"
            ) from error
        with quiet_native_log():
            self._run: Any = Interpreter(str(_file(name)), num_threads=1)
            self._run.allocate_tensors()
        self._input = self._run.get_input_details()[0]
        self._outputs = [output["index"] for output in self._run.get_output_details()]

    @property
    def size(self) -> int:
        """Side in pixels of the square image that it wants."""
        return int(self._input["shape"][1])

    def __call__(self, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Its outputs in the file's order, for an image (1, size, size, 3) float32."""
        self._run.set_tensor(self._input["index"], image)
        self._run.invoke()
        return [self._run.get_tensor(index) for index in self._outputs]


def _file(name: str) -> Path:
    # The package itself need not be imported for this, which would take a second.
    found = find_spec("mediapipe")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(
            "human perception needs the networks inside the package mediapipe, which is not installed. "
            "Install it with: pip install mediapipe==0.10.21"
        )
    return Path(found.submodule_search_locations[0]) / "modules" / f"{name}.tflite"
