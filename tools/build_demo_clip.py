"""Makes the truth of the demo's clip: `python tools/build_demo_clip.py --out models/demo/truth.npz`.

The sequence is one of the split "val": its body, object and motion are in neither the training nor the test
data, and its number lies beyond any validation set, so that nothing is tuned on it either.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from build_test_set import rounded

from scorehoi_ros.files import whole_file
from scorehoi_ros.synth.scene.sequences import generate_sequence
from scorehoi_ros.synth.truth import SceneTruth, pack

SPLIT, NUMBER = "val", 2576
WIDTH, HEIGHT = 640, 480
"""What a camera gives; pictures of the split are smaller."""


def main() -> None:
    """Generate, enlarge, round and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="file to write (.npz)")
    args = parser.parse_args()
    truths = [rounded(enlarged(truth)) for truth in generate_sequence(SPLIT, NUMBER)]
    with whole_file(args.out) as temporary:
        np.savez_compressed(temporary, **pack(truths))


def enlarged(truth: SceneTruth) -> SceneTruth:
    """The same view in `WIDTH` x `HEIGHT` pixels."""
    s = HEIGHT / truth.height
    # pixel coordinates are those of the pixels' centres
    scale = np.array([[s, 0, (s - 1) / 2], [0, s, (s - 1) / 2], [0, 0, 1]])
    return replace(truth, K=scale @ truth.K, width=WIDTH, height=HEIGHT)


if __name__ == "__main__":
    main()
