"""Makes truths of sequences, to be measured with `scorehoi eval --dataset synhoi-test --root FILE`.

    python tools/build_sequences.py --numbers 3000 3016 --out val.npz

The drifts, margins and steps of the warm start were chosen on these sixteen of the split "val".
"""

import argparse
from pathlib import Path

import numpy as np
from build_test_set import rounded

from scorehoi_ros.files import whole_file
from scorehoi_ros.synth.scene.sequences import generate_sequence
from scorehoi_ros.synth.splits import CONTENT
from scorehoi_ros.synth.truth import pack


def main() -> None:
    """Generate, round and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--split", choices=sorted(CONTENT), default="val", help="whose bodies, objects and motions"
    )
    parser.add_argument(
        "--numbers", type=int, nargs=2, metavar=("FIRST", "END"), required=True, help="END is not among them"
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write (.npz)")
    args = parser.parse_args()
    truths = [
        rounded(truth) for number in range(*args.numbers) for truth in generate_sequence(args.split, number)
    ]
    with whole_file(args.out) as temporary:
        np.savez_compressed(temporary, **pack(truths))


if __name__ == "__main__":
    main()
