"""Weights of the probabilities in `trust`: log-odds without doubts, and what a unit of each costs.

Written by tools/calibrate_status.py, from 872 validation frames of the method `regress`.  TYPICAL is the
mean of a doubt there: it stands in where a method does not know it.
"""

BIAS: dict[str, float] = {
    "human": 9.46,
    "turned": 4.39,
    "placed": 3.2,
}
WEIGHTS: dict[str, dict[str, float]] = {
    "human": {
        "depth_m": 7.09,
        "limb_px": 0.0323,
        "median_px": 0.171,
        "misfit": 4.95,
        "own_mask": 0.525,
        "own_misfit": 3.14,
        "penetration_m": 4.09,
        "pose_std": 40.4,
        "stature_m": 6.11,
        "strain": 0.00702,
    },
    "turned": {
        "gap_m": 1.28,
        "hidden": 1.35,
        "misfit": 3.87,
        "own_misfit": 3.72,
        "own_score": 1.65,
        "rivals": 2.12,
        "strain": 0.0088,
        "sunk_m": 2.43,
        "turn_std": 4.49,
        "unexpected": 2.53,
    },
    "placed": {
        "misfit": 2.42,
        "own_misfit": 1.89,
        "own_score": 1.47,
        "penetration_m": 12.7,
        "place_std": 10.5,
        "rivals": 0.635,
        "turn_std": 4.09,
        "untied": 1.59,
        "warm": 0.657,
    },
}
TYPICAL: dict[str, dict[str, float]] = {
    "human": {
        "depth_m": 0.104,
        "limb_px": 12.2,
        "median_px": 3.4,
        "misfit": 0.147,
        "own_mask": 0.306,
        "own_misfit": 0.0606,
        "penetration_m": 0.0101,
        "pose_std": 0.105,
        "stature_m": 0.0624,
        "strain": 19.5,
    },
    "turned": {
        "gap_m": 0.0154,
        "hidden": 0.15,
        "misfit": 0.187,
        "own_misfit": 0.045,
        "own_score": 0.0683,
        "rivals": 0.179,
        "strain": 21.6,
        "sunk_m": 0.0207,
        "turn_std": 0.119,
        "unexpected": 0.395,
    },
    "placed": {
        "misfit": 0.157,
        "own_misfit": 0.035,
        "own_score": 0.0558,
        "penetration_m": 0.0126,
        "place_std": 0.0812,
        "rivals": 0.114,
        "turn_std": 0.113,
        "untied": 0.191,
        "warm": 0.283,
    },
}
