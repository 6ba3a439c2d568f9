"""Paired bootstrap: known intervals, contact F, missing values, failures, sequences."""

import numpy as np
import pytest

from scorehoi_ros.evaluate.paired import MEANS, Comparison, Difference, compare, paired_differences
from scorehoi_ros.evaluate.run import Tally, averages
from scorehoi_ros.evaluate.scores import Scores

ALL = (*MEANS, "contact_f")


def frames_of(count: int, seed: int = 0) -> list[Scores]:
    rng = np.random.default_rng(seed)
    return [dict(zip(MEANS, rng.uniform(0, 1, len(MEANS)).tolist(), strict=True)) for _ in range(count)]


def changed(frames: list[Scores], name: str, values: list[float | None]) -> list[Scores]:
    return [{**scores, name: value} for scores, value in zip(frames, values, strict=True)]


def tally_of(frames: list[Scores], answered: list[bool]) -> Tally:
    return Tally(frames=frames, answered=answered, units=list(range(len(frames))))


def difference(found: dict[str, Difference | None], name: str) -> Difference:
    result = found[name]
    assert result is not None
    return result


def interval(found: Difference) -> tuple[float, float]:
    assert found.low is not None and found.high is not None
    return found.low, found.high


def test_the_same_method_differs_by_exactly_zero() -> None:
    frames = changed(frames_of(50), "contact_p", [None, *[0.5] * 49])
    found = paired_differences(frames, list(frames), range(50))
    assert set(found) == set(ALL)
    assert set(found.values()) == {Difference(0.0, 0.0, 0.0)} and not difference(found, "mpjpe_mm").clear


def test_normal_differences_have_the_interval_of_a_mean() -> None:
    frames = frames_of(400)
    # The frames themselves spread a hundred times as much as the differences: pairs cancel that.
    rng = np.random.default_rng(1)
    base, steps = rng.normal(0, 100, 400), rng.normal(0.3, 1.0, 400)
    mine = changed(frames, "cd_human_cm", (base + steps).tolist())
    full = changed(frames, "cd_human_cm", base.tolist())
    found = difference(paired_differences(mine, full, range(400)), "cd_human_cm")
    half = 1.96 * steps.std() / 20
    assert found.value == pytest.approx(steps.mean())
    assert interval(found) == pytest.approx((steps.mean() - half, steps.mean() + half), abs=0.015)
    assert found.clear


def test_a_constant_shift_has_no_spread() -> None:
    frames = frames_of(20)
    shifted = changed(frames, "mpjpe_mm", [float(s["mpjpe_mm"] or 0) + 2.0 for s in frames])
    found = paired_differences(shifted, frames, range(20))
    assert interval(difference(found, "mpjpe_mm")) == pytest.approx((2.0, 2.0))
    assert difference(found, "object_rot_deg") == Difference(0.0, 0.0, 0.0)
    other = difference(paired_differences(frames, shifted, range(20)), "mpjpe_mm")
    assert other.value == pytest.approx(-2.0) and other.clear


def test_contact_f_is_that_of_the_averages() -> None:
    mine = changed(frames_of(30, 1), "contact_p", [None, *[0.4] * 29])
    full = changed(frames_of(30, 2), "contact_r", [*[0.9] * 28, None, None])
    found = paired_differences(mine, full, range(30))
    ours, theirs = averages(mine), averages(full)
    for name in ALL:
        a, b = ours[name], theirs[name]
        assert a is not None and b is not None
        assert difference(found, name).value == pytest.approx(a - b, abs=1e-12), name
    low, high = interval(difference(found, "contact_f"))
    assert low < difference(found, "contact_f").value < high


def test_who_never_predicts_contact_has_f_zero() -> None:
    never = [{**s, "contact_p": None, "contact_r": 0.0} for s in frames_of(10)]
    full = [{**s, "contact_p": 0.5, "contact_r": 0.5} for s in frames_of(10)]
    found = paired_differences(never, full, range(10))
    assert found["contact_p"] is None and difference(found, "contact_f").value == pytest.approx(-0.5)


def test_what_is_not_measured_is_none() -> None:
    frames = changed(frames_of(4), "floor_gap_mm", [None] * 4)
    found = paired_differences(frames, frames, range(4))
    assert found["floor_gap_mm"] is None and found["mpjpe_mm"] is not None
    assert paired_differences([], [], []) == dict.fromkeys(ALL)


def test_one_unit_has_no_interval() -> None:
    frames = frames_of(5)
    found = difference(paired_differences(frames, frames_of(5, 3), [7] * 5), "mpjpe_mm")
    assert found.low is None and found.high is None and not found.clear and found.value != 0


def test_frames_of_a_sequence_count_as_one_draw() -> None:
    steps = np.repeat(np.random.default_rng(4).normal(0, 1, 40), 25)
    frames = frames_of(1000)
    mine = changed(frames, "mpjpe_mm", (1 + steps).tolist())
    full = changed(frames, "mpjpe_mm", [1.0] * 1000)
    whole = difference(paired_differences(mine, full, np.repeat(np.arange(40), 25).tolist()), "mpjpe_mm")
    single = difference(paired_differences(mine, full, range(1000)), "mpjpe_mm")
    wide, narrow = (high - low for low, high in (interval(whole), interval(single)))
    assert wide == pytest.approx(2 * 1.96 * steps.std() / np.sqrt(40), rel=0.1)
    assert wide == pytest.approx(5 * narrow, rel=0.1)


def test_only_frames_that_both_answered_are_compared() -> None:
    frames = frames_of(4)
    mine = changed(frames, "mpjpe_mm", [1000.0, 3.0, 3.0, 3.0])
    full = changed(frames, "mpjpe_mm", [1.0, 1.0, 1.0, 1000.0])
    found = compare(
        "w/o", tally_of(mine, [False, True, True, True]), tally_of(full, [True, True, True, False])
    )
    assert isinstance(found, Comparison) and (found.pairs, found.units, found.failures) == (2, 2, 2)
    assert difference(found.differences, "mpjpe_mm") == Difference(2.0, 2.0, 2.0)
