"""Chooses the object segmentation that the configuration names."""

import logging
from pathlib import Path

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError, MissingExtraError
from scorehoi_ros.perception.protocols import Segmenter

SAM_HELP = (
    "SAM's weights are not part of this package: they are the model checkpoints of Meta's segment-anything "
    "repository on GitHub (Apache-2.0; sam_vit_b 375 MB, sam_vit_h 2.6 GB). Give the downloaded file with "
    "--sam-checkpoint (extra [sam]), or an exported pair with --sam-encoder and --sam-decoder, "
    "or choose --segmenter grabcut"
)

_log = logging.getLogger(__name__)


def make_segmenter(config: PipelineConfig) -> Segmenter | None:
    """The segmenter of `config`, or None for "none".

    Raises MissingExtraError when SAM is asked for without its weights or its packages, InputError when a
    named weight file is not there.
    """
    if config.segmenter != "sam" and (config.sam.checkpoint or config.sam.encoder or config.sam.decoder):
        _log.warning("SAM weights are given but not used: the segmenter is %s; choose sam", config.segmenter)
    if config.segmenter == "none":
        return None
    if config.segmenter == "grabcut":
        from scorehoi_ros.perception.grabcut import GrabCutSegmenter

        return GrabCutSegmenter()
    return _make_sam(config)


def _make_sam(config: PipelineConfig) -> Segmenter:
    from scorehoi_ros.perception.sam import SamSegmenter

    if config.sam.encoder and config.sam.decoder:
        from scorehoi_ros.perception.sam_onnx import OnnxSamEngine

        encoder = _existing(config.sam.encoder, "--sam-encoder")
        return SamSegmenter(OnnxSamEngine(encoder, _existing(config.sam.decoder, "--sam-decoder")))
    if config.sam.encoder or config.sam.decoder:
        given = "--sam-encoder" if config.sam.encoder else "--sam-decoder"
        raise MissingExtraError(
            f"SAM as ONNX needs both its encoder and its decoder, got only {given}. {SAM_HELP}."
        )
    if config.sam.checkpoint:
        from scorehoi_ros.perception.sam_torch import TorchSamEngine

        return SamSegmenter(TorchSamEngine(_existing(config.sam.checkpoint, "--sam-checkpoint")))
    raise MissingExtraError(f"the segmenter sam was asked for without weights. {SAM_HELP}.")


def _existing(path: str, name: str) -> Path:
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"{name}: there is no file {file}. {SAM_HELP}.")
    return file
