"""Makes the truth of the fixed test set: `python tools/build_test_set.py --out FILE`.

Run it again only to change the test set on purpose: figures measured before are then no longer comparable.
"""

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from scorehoi_ros.files import whole_file
from scorehoi_ros.synth.scene.generate import generate
from scorehoi_ros.synth.scene.sequences import generate_sequence
from scorehoi_ros.synth.truth import SceneTruth, pack

SPLIT = "test"
SCENES, SEQUENCES = 1000, 20


def main() -> None:
    """Generate, round and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="file to write (.npz)")
    args = parser.parse_args()
    truths = generate(SPLIT, range(SCENES))
    for number in range(SEQUENCES):
        truths += generate_sequence(SPLIT, number)
    with whole_file(args.out) as temporary:
        np.savez_compressed(temporary, **pack([rounded(truth) for truth in truths]))


def rounded(truth: SceneTruth) -> SceneTruth:
    """With all numbers rounded to single precision, far below what matters, which halves the file."""
    values = {field.name: getattr(truth, field.name) for field in fields(truth)}
    exact = {k: v for k, v in values.items() if np.asarray(v).dtype == np.float64}
    single: dict[str, Any] = {k: np.float64(np.float32(v)) for k, v in exact.items()}
    return replace(truth, **single)


if __name__ == "__main__":
    main()
