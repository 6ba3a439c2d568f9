"""One group of settings for each method; `methods.registry` has the code behind the names."""

from dataclasses import dataclass

from scorehoi_ros.config.option import check_options, option

METHOD_NAMES = ("fit",)
"""Values of the setting `method`."""


@dataclass(frozen=True)
class FitConfig:
    """Settings of the optimiser."""

    first_iterations: int = option(
        150, "optimiser steps for a frame without a previous one", minimum=1, maximum=2000
    )
    track_iterations: int = option(
        40, "optimiser steps for a frame that follows another", minimum=1, maximum=2000
    )

    def __post_init__(self) -> None:
        check_options(self)
