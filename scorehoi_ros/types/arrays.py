"""Array types, and the sizes that everything agrees on."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
Ints = NDArray[np.integer]

NUM_JOINTS = 52
NUM_BETAS = 10
NUM_HUMAN_TOKENS = 431
NUM_OBJECT_POINTS = 64
NUM_LANDMARKS = 75
CONTACT_DISTANCE_M = 0.05
"""A human vertex, an object point or a floor point is in contact within this distance (CONTHO's protocol)."""
