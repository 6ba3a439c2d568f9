"""Weights of the probabilities in `trust`: log-odds without doubts, and what a unit of each costs.

Written by tools/calibrate_status.py, from 872 validation frames of the method `regress`.  TYPICAL is the
mean of a doubt there: it stands in where a method does not know it.
"""

BIAS: dict[str, float] = {
    "human": 9.64,
    "turned": 4.4,
    "placed": 2.98,
}
WEIGHTS: dict[str, dict[str, float]] = {
    "human": {
        "depth_m": 6.72,
        "limb_px": 0.0314,
        "median_px": 0.119,
        "misfit": 4.22,
        "own_mask": 0.518,
        "own_misfit": 2.19,
        "pose_std": 44.4,
        "stature_m": 7.62,
        "strain": 0.00679,
    },
    "turned": {
        "hidden": 1.04,
        "misfit": 3.52,
        "own_misfit": 2.51,
        "own_score": 1.74,
        "penetration_m": 10.5,
        "rivals": 2.04,
        "strain": 0.00382,
        "sunk_m": 1.98,
        "turn_std": 5.29,
        "unexpected": 2.56,
    },
    "placed": {
        "misfit": 2.57,
        "own_misfit": 2.65,
        "own_score": 1.22,
        "penetration_m": 6.72,
        "place_std": 5.11,
        "rivals": 0.66,
        "strain": 0.00476,
        "turn_std": 4.62,
        "untied": 2.2,
        "warm": 0.407,
    },
}
TYPICAL: dict[str, dict[str, float]] = {
    "human": {
        "depth_m": 0.103,
        "limb_px": 12.3,
        "median_px": 3.7,
        "misfit": 0.153,
        "own_mask": 0.306,
        "own_misfit": 0.0626,
        "pose_std": 0.105,
        "stature_m": 0.0614,
        "strain": 19.1,
    },
    "turned": {
        "hidden": 0.147,
        "misfit": 0.195,
        "own_misfit": 0.0486,
        "own_score": 0.0679,
        "penetration_m": 0.0121,
        "rivals": 0.204,
        "strain": 21.0,
        "sunk_m": 0.0211,
        "turn_std": 0.118,
        "unexpected": 0.39,
    },
    "placed": {
        "misfit": 0.165,
        "own_misfit": 0.0404,
        "own_score": 0.0571,
        "penetration_m": 0.012,
        "place_std": 0.0818,
        "rivals": 0.137,
        "strain": 20.3,
        "turn_std": 0.112,
        "untied": 0.207,
        "warm": 0.276,
    },
}
