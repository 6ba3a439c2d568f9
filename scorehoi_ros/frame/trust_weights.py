"""Weights of the probabilities in `trust`: log-odds without doubts, and what a unit of each costs.

Written by tools/calibrate_status.py, from 520 validation frames of the method `regress`.  TYPICAL is the
mean of a doubt there: it stands in where a method does not know it.
"""

BIAS: dict[str, float] = {
    "human": 10.0,
    "turned": 4.73,
    "placed": 3.89,
}
WEIGHTS: dict[str, dict[str, float]] = {
    "human": {
        "depth_m": 6.9,
        "limb_px": 0.0361,
        "median_px": 0.143,
        "misfit": 4.0,
        "own_mask": 0.613,
        "own_misfit": 1.95,
        "pose_std": 37.8,
        "stature_m": 5.75,
        "strain": 0.183,
        "unseen": 0.882,
    },
    "turned": {
        "floating_m": 4.03,
        "misfit": 2.58,
        "own_mask": 0.66,
        "own_misfit": 0.88,
        "own_score": 1.64,
        "penetration_m": 9.02,
        "rivals": 2.96,
        "small": 0.0989,
        "strain": 0.122,
        "turn_std": 1.26,
        "unexpected": 2.59,
    },
    "placed": {
        "misfit": 1.47,
        "own_score": 1.9,
        "penetration_m": 38.2,
        "place_std": 11.0,
        "rivals": 0.64,
        "strain": 0.142,
        "sunk_m": 1.09,
        "turn_std": 2.32,
        "unexpected": 0.277,
        "untied": 1.37,
    },
}
TYPICAL: dict[str, dict[str, float]] = {
    "human": {
        "depth_m": 0.104,
        "limb_px": 11.8,
        "median_px": 3.21,
        "misfit": 0.144,
        "own_mask": 0.333,
        "own_misfit": 0.0631,
        "pose_std": 0.105,
        "stature_m": 0.0758,
        "strain": 6.32,
        "unseen": 0.211,
    },
    "turned": {
        "floating_m": 0.00496,
        "misfit": 0.191,
        "own_mask": 0.221,
        "own_misfit": 0.0531,
        "own_score": 0.0722,
        "penetration_m": 0.0113,
        "rivals": 0.188,
        "small": 0.769,
        "strain": 6.66,
        "turn_std": 0.12,
        "unexpected": 0.431,
    },
    "placed": {
        "misfit": 0.177,
        "own_score": 0.0583,
        "penetration_m": 0.0115,
        "place_std": 0.0844,
        "rivals": 0.119,
        "strain": 6.0,
        "sunk_m": 0.0422,
        "turn_std": 0.116,
        "unexpected": 0.332,
        "untied": 0.186,
    },
}
