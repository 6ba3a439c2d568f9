"""What may be said of an estimate: every sign counts in its direction, and messages say what helps."""

from dataclasses import replace

import numpy as np
import pytest

from scorehoi_ros.frame import trust
from scorehoi_ros.frame.agreement import LandmarkAgreement
from scorehoi_ros.frame.signs import HumanSigns, ObjectSigns
from scorehoi_ros.frame.stages import Certainty
from scorehoi_ros.frame.trust_weights import TYPICAL, WEIGHTS
from scorehoi_ros.types import Status

SURE = Certainty(pose_std=0.1, turn_std=0.08, place_std=0.05, agreement=1.0, expected=0.95, strain=3.0)
PERSON = HumanSigns(LandmarkAgreement(1.5, 4.0, 0.05, 0.04), 0.85, False, 1.72, 1.70, 0.0, SURE)
THING = ObjectSigns(
    overlap=0.92, hidden=0.05, side_px=80.0, own_mask=False, mask_score=1.0, alone=False, penetration_m=0.005,
    gap_m=0.0, tied=0.95, under_floor_m=0.0, above_floor_m=0.8, warm=False, certainty=SURE,
)  # fmt: skip


def with_certainty(signs: HumanSigns | ObjectSigns, **values: float | None) -> HumanSigns | ObjectSigns:
    return replace(signs, certainty=replace(signs.certainty, **values))


def test_what_nothing_speaks_against_is_ok() -> None:
    for found in (trust.of_human(PERSON), trust.of_object(THING)):
        assert found.status(0.7) == (Status.OK, ""), found


@pytest.mark.parametrize(
    "worse",
    [
        replace(PERSON, landmarks=LandmarkAgreement(9.0, 4.0, 0.05, 0.04)),
        replace(PERSON, landmarks=LandmarkAgreement(1.5, 25.0, 0.05, 0.04)),
        replace(PERSON, landmarks=LandmarkAgreement(1.5, 4.0, 0.05, 0.25)),
        replace(PERSON, landmarks=None),
        replace(PERSON, overlap=0.4),
        replace(PERSON, overlap=0.4, own_mask=True),
        replace(PERSON, stature_m=1.3),
        with_certainty(PERSON, strain=30.0),
    ],
)
def test_each_sign_against_a_person_counts(worse: HumanSigns) -> None:
    assert trust.of_human(worse).probability < trust.of_human(PERSON).probability - 1e-3


@pytest.mark.parametrize(
    "worse",
    [
        replace(THING, overlap=0.4),
        replace(THING, own_mask=True, mask_score=0.5),
        replace(THING, penetration_m=0.08),
        replace(THING, gap_m=0.3, tied=0.0),
        replace(THING, tied=0.1),
        replace(THING, warm=True),
        with_certainty(THING, agreement=0.3),
        with_certainty(THING, expected=0.0),
        with_certainty(THING, place_std=0.3),
        with_certainty(THING, strain=30.0),
    ],
)
def test_each_sign_against_an_object_counts(worse: ObjectSigns) -> None:
    assert trust.of_object(worse).probability < trust.of_object(THING).probability - 1e-3


def test_however_unsure_a_network_is_a_probability_comes_out() -> None:
    unsure = trust.of_human(replace(PERSON, certainty=replace(SURE, pose_std=1e6, strain=1e9)))
    assert 0 <= unsure.probability < 0.01 and unsure.status(0.7)[0] == Status.UNTRUSTED


def test_no_weight_speaks_for_what_is_bad_and_each_has_a_text() -> None:
    weights = [(name, w) for part in WEIGHTS.values() for name, w in part.items()]
    assert len(weights) > 15 and all(w >= 0 for _, w in weights)
    assert {name for name, _ in weights} <= trust.TEXTS.keys()
    assert all(WEIGHTS[part].keys() <= TYPICAL[part].keys() for part in WEIGHTS)


def test_an_object_turned_to_another_side_is_not_ok() -> None:
    """As it looks then: the outlines differ, other rotations do as well, nobody expected this one."""
    wrong = replace(THING, overlap=0.55, certainty=replace(SURE, agreement=0.5, expected=0.05, strain=12.0))
    status, why = trust.of_object(wrong).status(0.7)
    assert status == Status.UNTRUSTED and "probability" in why


def test_a_mask_of_its_own_does_not_vouch_for_itself() -> None:
    """With the best overlap and a usual score the probability is smaller than with a given mask, and a bad
    overlap costs less log-odds than with a given one: it says less either way."""
    own = replace(THING, own_mask=True, mask_score=0.75)
    assert trust.of_object(own).probability < trust.of_object(THING).probability
    for part in ("turned", "placed"):
        assert WEIGHTS[part]["misfit"] > WEIGHTS[part]["own_misfit"] >= 0


@pytest.mark.parametrize(
    ("signs", "remedy"),
    [
        (replace(THING, own_mask=True, mask_score=0.1, overlap=0.5), "give masks"),
        (with_certainty(replace(THING, tied=0.0), place_std=0.3), "height_m"),
        (replace(THING, overlap=0.2), "check the masks"),
        (replace(THING, gap_m=0.3, above_floor_m=0.6, tied=0.0), "height_m"),
    ],
)
def test_messages_name_a_remedy(signs: ObjectSigns, remedy: str) -> None:
    status, why = trust.of_object(signs).status(0.95)
    assert status == Status.UNTRUSTED and remedy in why and "< 0.95" in why


def test_a_method_that_knows_nothing_of_itself_is_judged_by_the_rest() -> None:
    unsure = trust.of_object(replace(THING, tied=None, certainty=Certainty()))
    assert 0.3 < unsure.probability < trust.of_object(THING).probability
    assert "rivals" not in unsure.doubts and np.isfinite(unsure.probability)
