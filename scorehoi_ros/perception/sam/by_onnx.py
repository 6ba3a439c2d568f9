"""SAM as an exported pair of ONNX files, on ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.perception.sam.cut import cut_pair
from scorehoi_ros.perception.sam.segmenter import LastImage, SamPrompt, log_weights
from scorehoi_ros.types import Floats

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
"""ImageNet's, in 0..255, with which SAM was trained."""
PADDING, TOP_LEFT, BOTTOM_RIGHT = -1.0, 2.0, 3.0
"""Point labels of the exported decoder beside 0 and 1."""
DECODER_INPUTS = {
    "image_embeddings",
    "point_coords",
    "point_labels",
    "mask_input",
    "has_mask_input",
    "orig_im_size",
}
DECODER_OUTPUTS = ["low_res_masks", "iou_predictions"]
DEFAULT_SIZE = 1024


class OnnxSamEngine:
    """Encoder: (1, 3, size, size) normalised or (h, w, 3) raw float32 RGB; decoder: as the official export.

    `size` = side of the images to which the pair is cut; None = the files as they are.  Raises InputError for
    files that are not such a pair, or cannot be cut.
    """

    def __init__(self, encoder: Path, decoder: Path, size: int | None = None) -> None:
        models = (None, None) if size is None else cut_pair(encoder, decoder, size)
        self._encoder = open_session(encoder, models[0])
        self._decoder = open_session(decoder, models[1])
        self._input = self._encoder.get_inputs()[0]
        if len(self._input.shape) not in (3, 4):
            raise InputError(
                f"{encoder} is not an image encoder of SAM: its input must be (1, 3, size, size) or "
                f"(h, w, 3). Got shape {self._input.shape}. Export one from a SAM checkpoint."
            )
        _check_decoder(self._decoder, decoder)
        side = self._input.shape[-1] if len(self._input.shape) == 4 else None
        self.size: int = side if isinstance(side, int) else DEFAULT_SIZE
        self._embeddings = LastImage(self._embed)

    def masks(
        self, rgb: NDArray[np.uint8], prompt: SamPrompt, height: int, width: int
    ) -> tuple[Floats, Floats]:
        """See `SamEngine.masks`."""
        coordinates, labels = decoder_points(prompt)
        empty = np.zeros((self.size // 4, self.size // 4), np.float32)
        logits, ious = self._decoder.run(
            DECODER_OUTPUTS,
            {
                "image_embeddings": self._embeddings(rgb),
                "point_coords": coordinates,
                "point_labels": labels,
                "mask_input": (empty if prompt.mask_logits is None else prompt.mask_logits)[None, None],
                "has_mask_input": np.array([prompt.mask_logits is not None], np.float32),
                "orig_im_size": np.array([height, width], np.float32),
            },
        )
        return logits[0], ious[0]

    def _embed(self, rgb: NDArray[np.uint8]) -> Any:
        image = rgb.astype(np.float32) if len(self._input.shape) == 3 else normalised(rgb, self.size)
        return self._encoder.run(None, {self._input.name: image})[0]


def open_session(path: Path, model: bytes | None = None) -> Any:
    """An ONNX Runtime session of a file, or of the `model` that was made from it.

    It has one thread that does not spin: two spinning threads were measured slower.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    log_weights(path)
    try:
        return onnxruntime.InferenceSession(model or str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own types, which have no common base but Exception
        raise InputError(
            f"{path} cannot be read as an ONNX model ({str(error).split(':')[-1].strip()[:200]}). "
            "Download or export it again."
        ) from error


def _check_decoder(session: Any, path: Path) -> None:
    inputs = {i.name for i in session.get_inputs()}
    outputs = {o.name for o in session.get_outputs()}
    if inputs != DECODER_INPUTS or not outputs.issuperset(DECODER_OUTPUTS):
        raise InputError(
            f"{path} is not a mask decoder of SAM: inputs must be {sorted(DECODER_INPUTS)}, outputs must "
            f"have {DECODER_OUTPUTS}. Got inputs {sorted(inputs)}, outputs {sorted(outputs)}. Export it with "
            "segment-anything's scripts/export_onnx_model.py."
        )


def normalised(rgb: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """(1, 3, size, size) float32: SAM's mean and deviation, zeros at the right and bottom."""
    image = np.zeros((1, 3, size, size), np.float32)
    image[0, :, : rgb.shape[0], : rgb.shape[1]] = ((rgb.astype(np.float32) - MEAN) / STD).transpose(2, 0, 1)
    return image


def decoder_points(prompt: SamPrompt) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(1, n, 2) and (1, n): clicks, then the box as two points, or a padding point without a box."""
    corners = np.zeros((1, 2)) if prompt.box is None else prompt.box.reshape(2, 2)
    labels = [PADDING] if prompt.box is None else [TOP_LEFT, BOTTOM_RIGHT]
    coordinates = np.concatenate([prompt.points, corners]).astype(np.float32)
    return coordinates[None], np.append(prompt.labels, labels).astype(np.float32)[None]
