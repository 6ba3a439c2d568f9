"""The search among all rotations before a few of them are aligned."""

from dataclasses import replace

import numpy as np
import pytest

from scorehoi_ros.alignment.state import Belief
from scorehoi_ros.methods.regress.choice import Outline, worth_aligning
from scorehoi_ros.methods.regress.search import narrowed, search_of
from scorehoi_ros.methods.regress.start import Start, Thing
from tests.alignment_scenes import RIG, SHAPE, TEMPLATE, P, masks, state_of, target_of, truth

TRUE = truth(4)
HUMAN, SEEN = masks(state_of(TRUE))
THING = Thing(TEMPLATE.mesh, TEMPLATE.symmetry, SHAPE, Outline(P, SEEN, HUMAN))
TARGET = target_of(TRUE)
RIGHT = 5
"""Row of the true rotation among others."""


def begun(place: np.ndarray = TRUE.place) -> Start:
    """All rotations equally likely, the object where it is said to be."""
    rotations = truth(11, hypotheses=9).rotations.copy()
    rotations[RIGHT] = TRUE.rotations[0]
    belief: Belief = replace(TRUE, rotations=rotations, place=place)
    even = np.zeros(len(rotations))
    return Start(belief, belief, even, rotations, np.exp(even), belief.sigma, "cold")


def row_of(start: Start, rotation: np.ndarray) -> list[int]:
    return [k for k, R in enumerate(start.belief.rotations) if np.array_equal(R, rotation)]


def test_a_right_rotation_in_a_wrong_place_is_found() -> None:
    start = begun(TRUE.place + 2 * TRUE.sigma.place)
    found = narrowed(start, search_of(RIG, 8), TARGET, THING, 1)
    assert row_of(found, TRUE.rotations[0]) == [0]
    unsought = narrowed(start, search_of(RIG, 0), TARGET, THING, 1)
    assert row_of(unsought, TRUE.rotations[0]) == []


@pytest.mark.parametrize("steps", [0, 3])
def test_what_is_kept_is_unmoved_and_keeps_its_share(steps: int) -> None:
    start = begun()
    start = replace(start, log_share=np.log(np.arange(1.0, 10.0)))
    found = narrowed(start, search_of(RIG, steps), TARGET, THING, 4)
    rows = [row_of(start, R)[0] for R in found.belief.rotations]
    assert len(set(rows)) == 4
    np.testing.assert_array_equal(found.log_share, start.log_share[rows])
    np.testing.assert_array_equal(found.rotations, start.rotations)


def test_without_steps_they_are_judged_where_they_are() -> None:
    start, origin = begun(), state_of(TRUE).origin.numpy()
    seen = THING.seen(start.rotations, np.repeat(origin, len(start.rotations), 0))
    found = narrowed(start, search_of(RIG, 0), TARGET, THING, 3)
    rows = [row_of(start, R)[0] for R in found.belief.rotations]
    assert rows == worth_aligning(start.log_share, seen, 3)


def test_without_a_mask_the_likeliest_are_kept() -> None:
    start = replace(begun(), log_share=np.log(np.arange(1.0, 10.0)))
    found = narrowed(start, search_of(RIG, 3), TARGET, replace(THING, outline=None), 2)
    np.testing.assert_array_equal(found.belief.rotations, start.rotations[[8, 7]])
