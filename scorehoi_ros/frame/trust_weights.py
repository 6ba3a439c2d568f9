"""Weights of the probabilities in `trust`: log-odds without doubts, and what a unit of each costs.

Written by tools/calibrate_status.py, from 872 validation frames of the method `regress`.  TYPICAL is the
mean of a doubt there: it stands in where a method does not know it.
"""

BIAS: dict[str, float] = {
    "human": 9.72,
    "turned": 4.43,
    "placed": 3.28,
}
WEIGHTS: dict[str, dict[str, float]] = {
    "human": {
        "depth_m": 7.05,
        "limb_px": 0.0303,
        "median_px": 0.169,
        "misfit": 4.92,
        "own_mask": 0.558,
        "own_misfit": 2.92,
        "pose_std": 44.3,
        "stature_m": 5.04,
        "strain": 0.00542,
    },
    "turned": {
        "floating_m": 1.23,
        "hidden": 1.28,
        "misfit": 3.56,
        "own_misfit": 4.06,
        "own_score": 0.935,
        "penetration_m": 6.03,
        "rivals": 2.47,
        "strain": 0.0043,
        "sunk_m": 1.86,
        "turn_std": 5.04,
        "unexpected": 2.55,
    },
    "placed": {
        "misfit": 1.7,
        "own_misfit": 1.23,
        "own_score": 1.35,
        "penetration_m": 10.7,
        "place_std": 10.0,
        "rivals": 0.413,
        "strain": 0.0106,
        "turn_std": 5.85,
        "untied": 1.64,
        "warm": 0.367,
    },
}
TYPICAL: dict[str, dict[str, float]] = {
    "human": {
        "depth_m": 0.104,
        "limb_px": 12.1,
        "median_px": 3.39,
        "misfit": 0.147,
        "own_mask": 0.306,
        "own_misfit": 0.0606,
        "pose_std": 0.105,
        "stature_m": 0.0659,
        "strain": 19.6,
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
