"""Every setting of the pipeline, once: command-line options and ROS parameters are made from these fields."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from scorehoi_ros.errors import InputError
from scorehoi_ros.types import Box


def option(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = False,
) -> Any:
    """A dataclass field with what a help text and a ROS parameter descriptor need.

    `read_only` = takes effect when the pipeline is built (node: at configure), not while it runs.
    """
    metadata = {
        "description": description,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "read_only": read_only,
    }
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class PipelineConfig:
    """Settings of `Pipeline`; every field is validated, so that a wrong one is refused with its reason."""

    object: str = option(
        "",
        'object template: a family ("box:0.40x0.30x0.25", "ball:0.22"), a mesh file, or an .xyz of 64 '
        "points; empty = human only",
        read_only=True,
    )
    prompt_box: list[float] = option(
        [], "first object box x0,y0,x1,y1 in pixels of the full image", read_only=True
    )
    body_model: str = option("", "licensed SMPL-H file (.npz or .pkl); empty = the free body", read_only=True)
    segmenter: str = option(
        "grabcut",
        "object segmentation when no mask comes with the frame",
        choices=("grabcut", "sam", "none"),
        read_only=True,
    )
    sam_checkpoint: str = option("", "segment-anything checkpoint (.pth), extra [sam]", read_only=True)
    sam_encoder: str = option("", "SAM image encoder (.onnx), extra [onnx]", read_only=True)
    sam_decoder: str = option("", "SAM mask decoder (.onnx), extra [onnx]", read_only=True)
    height_m: float = option(
        0.0, "the person's height in metres, fixes the metric scale; 0 = unknown", minimum=0.0, maximum=2.5
    )
    gravity: list[float] = option(
        [], "direction of gravity in the camera frame x,y,z; empty = the camera is taken to be level"
    )
    first_iterations: int = option(
        150, "optimiser steps for a frame without a previous one", minimum=1, maximum=2000
    )
    track_iterations: int = option(
        40, "optimiser steps for a frame that follows another", minimum=1, maximum=2000
    )
    max_gap_s: float = option(5.0, "a longer gap between stamps starts afresh", minimum=0.01, maximum=3600.0)
    min_human_iou: float = option(
        0.6, "below this overlap with the mask the human is marked UNTRUSTED", minimum=0.0, maximum=1.0
    )
    min_object_iou: float = option(
        0.4, "below this overlap with the mask the object is marked UNTRUSTED", minimum=0.0, maximum=1.0
    )

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            check_option(f, getattr(self, f.name))
        if self.prompt_box:
            parse_box(self.prompt_box)
        if self.gravity and not (
            len(self.gravity) == 3 and all(map(math.isfinite, self.gravity)) and any(self.gravity)
        ):
            raise InputError(f"gravity must be three finite numbers, not all zero. Got {self.gravity}.")


def check_option(f: "dataclasses.Field[Any]", value: Any) -> None:
    """Raise InputError when a value breaks the range or choices of its field."""
    choices = f.metadata.get("choices") or ()
    if choices and value not in choices:
        raise InputError(f"{f.name} must be one of {', '.join(choices)}. Got {value!r}.")
    low, high = f.metadata.get("minimum"), f.metadata.get("maximum")
    if low is None and high is None:
        return
    if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
        raise InputError(f"{f.name} must be between {low} and {high}. Got {value}.")


def parse_box(values: list[float]) -> Box:
    """Box from x0, y0, x1, y1; raises InputError unless it is finite and has an area."""
    if len(values) != 4 or not all(map(math.isfinite, values)):
        raise InputError(f"a box is four finite numbers x0,y0,x1,y1 in pixels. Got {list(values)}.")
    x0, y0, x1, y1 = values
    if x1 <= x0 or y1 <= y0:
        raise InputError(f"a box needs x1 > x0 and y1 > y0. Got x0={x0}, y0={y0}, x1={x1}, y1={y1}.")
    return Box(x0, y0, x1, y1)
