"""Weights of the probabilities in `trust`: log-odds without doubts, and what a unit of each costs.

Written by tools/calibrate_status.py, from 872 validation frames of the method `regress`.  TYPICAL is the
mean of a doubt there: it stands in where a method does not know it.
"""

BIAS: dict[str, float] = {
    "human": 9.6,
    "turned": 4.55,
    "placed": 3.31,
}
WEIGHTS: dict[str, dict[str, float]] = {
    "human": {
        "depth_m": 7.12,
        "limb_px": 0.0245,
        "median_px": 0.15,
        "misfit": 6.56,
        "own_mask": 0.403,
        "own_misfit": 5.06,
        "pose_std": 40.7,
        "stature_m": 4.46,
        "strain": 0.00479,
        "unseen": 0.262,
    },
    "turned": {
        "floating_m": 1.15,
        "hidden": 1.22,
        "misfit": 4.05,
        "own_misfit": 3.45,
        "own_score": 1.5,
        "penetration_m": 6.24,
        "rivals": 2.45,
        "strain": 0.00382,
        "sunk_m": 1.66,
        "turn_std": 5.19,
        "unexpected": 2.59,
    },
    "placed": {
        "misfit": 1.84,
        "own_misfit": 1.25,
        "own_score": 1.4,
        "penetration_m": 10.7,
        "place_std": 9.99,
        "rivals": 0.403,
        "strain": 0.0105,
        "turn_std": 5.88,
        "untied": 1.64,
        "warm": 0.376,
    },
}
TYPICAL: dict[str, dict[str, float]] = {
    "human": {
        "depth_m": 0.104,
        "limb_px": 12.1,
        "median_px": 3.39,
        "misfit": 0.147,
        "own_mask": 0.306,
        "own_misfit": 0.0658,
        "pose_std": 0.105,
        "stature_m": 0.0659,
        "strain": 19.6,
        "unseen": 0.196,
    },
    "turned": {
        "floating_m": 0.00643,
        "hidden": 0.15,
        "misfit": 0.188,
        "own_misfit": 0.0452,
        "own_score": 0.0686,
        "penetration_m": 0.0118,
        "rivals": 0.177,
        "strain": 21.7,
        "sunk_m": 0.0207,
        "turn_std": 0.119,
        "unexpected": 0.395,
    },
    "placed": {
        "misfit": 0.16,
        "own_misfit": 0.0359,
        "own_score": 0.0585,
        "penetration_m": 0.0118,
        "place_std": 0.0813,
        "rivals": 0.11,
        "strain": 20.9,
        "turn_std": 0.112,
        "untied": 0.194,
        "warm": 0.286,
    },
}
