"""Weights of `mask_score`: log-odds without doubts, and what a unit of each costs.

Written by tools/calibrate_mask_score.py, from 546 boxes in drawn validation scenes.
"""

BIAS = 1.65
WEIGHTS: dict[str, float] = {
    "alone_not_rough": 0.494,
    "faint_outline": 2.74,
    "not_alone": 1.08,
    "not_rough": 1.48,
}
