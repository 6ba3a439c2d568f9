"""What happens to answers before they leave: the same settings for the node and for `label`."""

from dataclasses import dataclass

from scorehoi_ros.config.option import check_options, option


@dataclass(frozen=True)
class OutputConfig:
    """Smoothing, see `frame/smoothing.py`."""

    smoothing_s: float = option(
        0.0,
        "answers are smoothed over this time before and after them, and come so much later; 0 = as they are",
        minimum=0.0,
        maximum=2.0,
        read_only=True,
    )

    def __post_init__(self) -> None:
        check_options(self)
