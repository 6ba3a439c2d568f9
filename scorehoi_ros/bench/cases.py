"""The cases of `scorehoi bench` by name."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from scorehoi_ros.bench.case import Case
from scorehoi_ros.bench.live import live
from scorehoi_ros.bench.messages import messages
from scorehoi_ros.bench.methods import LIVE, contact, stage
from scorehoi_ros.config.methods import AUTO, RegressConfig

OPTIMISER, EXACT = "fit", "refine-n2-exact"
"""What the other refinements are compared with."""
SLOW = 3
"""Repetitions of what takes seconds."""


NETWORK = RegressConfig(size=LIVE)
ALONE = replace(NETWORK, hypotheses=1, search_steps=0)
"""One rotation, without a search: what the paper has."""


def _of(
    about: str, method: str, stages: Sequence[str], network: RegressConfig = NETWORK, **changes: Any
) -> Case:
    return Case(about, partial(stage, method=method, stages=stages, network=network, **changes))


def _live(fps: int) -> Case:
    return Case(
        f"player, node and recorder over DDS, {fps} images a second", partial(live, fps=fps), ros=True
    )


CASES: dict[str, Case] = {
    "stage1": _of("the first network, size live", "regress-proposal", ["estimate"]),
    "stage1-full": _of(
        "the same, size full", "regress-proposal", ["estimate"], replace(NETWORK, size="full")
    ),
    "stage1-contact": Case("contact predictor, size live, one state", contact),
    EXACT: _of("schedule of the paper, N = 2, tau = 50, dt = 2", "score-n2", ["refine"], ALONE),
    "refine-n2": _of("as many rounds of `score`, 3 hypotheses of 12", "score", ["refine"]),
    "refine-regress": _of("alignment in 25 steps, 3 hypotheses of 12", "regress", ["refine"]),
    "refine-warm": _of("the default on a frame that follows another", AUTO, ["refine"], tracked=True),
    OPTIMISER: _of("the optimiser, from nothing", "fit", ["estimate", "refine"], most=SLOW),
    "messages": Case("Interaction with a full mesh, built and serialised", messages),
    "live-10fps": _live(10),
    "live-15fps": _live(15),
    "live-30fps": _live(30),
}
