"""One group of settings for each method; `methods.registry` has the code behind the names."""

from dataclasses import dataclass

from scorehoi_ros.config.option import check_options, option

RECIPE_NAMES = ("score", "score-n2", "score-paper")
"""The methods that are recipes of `score`."""
METHOD_NAMES = (*RECIPE_NAMES, "regress", "regress-proposal", "fit")
"""The methods; `methods.registry` has the code behind the names."""
AUTO = "auto"
"""The setting that means `regress` where its weights are, else `fit`."""


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


@dataclass(frozen=True)
class RegressConfig:
    """Settings of the regressor and of the alignment after it."""

    size: str = option("full", "size of the network", choices=("live", "full", "paper"), read_only=True)
    weights: str = option(
        "", "folder with weights of `scorehoi train`; empty = the shipped ones", read_only=True
    )
    human_network: str = option(
        "",
        "ONNX file that says the human in the place of the network, see docs/architecture.md; empty = none",
        read_only=True,
    )
    hypotheses: int = option(3, "rotations of the object that are aligned", minimum=1, maximum=12)
    search_steps: int = option(
        12,
        "steps of the object alone, from each proposed rotation, before those that are aligned are chosen",
        minimum=0,
        maximum=100,
    )
    steps: int = option(25, "steps of the alignment", minimum=1, maximum=500)
    correction_steps: int = option(
        30,
        "steps of the alignment after the answer was corrected by what networks and alignment usually miss; "
        "0 = no correction",
        minimum=0,
        maximum=100,
    )
    start: str = option(
        "warm",
        "warm: a frame goes on from the answer to the one before; cold: from the network alone",
        choices=("warm", "cold"),
    )
    track_hypotheses: int = option(
        1, "rotations that are aligned for an object that goes on from the frame before", minimum=1, maximum=4
    )
    track_steps: int = option(
        15, "steps of the alignment for a frame that goes on from the frame before", minimum=1, maximum=500
    )

    network_period_s: float = option(
        0.15,
        "while images agree the network is not asked again within this time, nor twice in a row; 0 = always",
        minimum=0.0,
        maximum=1.0,
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class ScoreConfig:
    """Settings of the guided sampling."""

    rounds: int = option(
        0, "rounds of refinement, N of the paper; 0 = as many as the method has", minimum=0, maximum=100
    )

    def __post_init__(self) -> None:
        check_options(self)
