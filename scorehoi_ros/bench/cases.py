"""The cases of `scorehoi bench` by name."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from scorehoi_ros.bench.case import Case
from scorehoi_ros.bench.live import live
from scorehoi_ros.bench.messages import messages
from scorehoi_ros.bench.methods import contact, stage

OPTIMISER, EXACT = "fit", "refine-n2-exact"
"""What the other refinements are compared with."""
SLOW = 3
"""Repetitions of what takes seconds."""


def _of(about: str, method: str, stages: Sequence[str], **changes: Any) -> Case:
    return Case(about, partial(stage, method=method, stages=stages, **changes))


CASES: dict[str, Case] = {
    "stage1": _of("network of the first stage, size live", "regress-proposal", ["estimate"]),
    "stage1-full": _of("the same, size full", "regress-proposal", ["estimate"], size="full"),
    "stage1-contact": Case("contact predictor, size live, one state", contact),
    EXACT: _of(
        "the paper's schedule: N = 2, tau = 50, dt = 2; 1 hypothesis", "score-n2", ["refine"], hypotheses=1
    ),
    "refine-n2": _of("the same rounds led by image and physics; 4 hypotheses", "score", ["refine"]),
    "refine-regress": _of("alignment: 25 steps; 4 hypotheses", "regress", ["refine"]),
    OPTIMISER: _of("the optimiser, from nothing", "fit", ["estimate", "refine"], most=SLOW),
    "messages": Case("Interaction with a full mesh: build and serialise", messages),
    **{
        f"live-{fps}fps": Case(
            f"node, player and recorder over DDS, {fps} images a second", partial(live, fps=fps), True
        )
        for fps in (10, 15, 30)
    },
}
