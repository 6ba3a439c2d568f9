"""Make the small corpora of poses and hands that come with the package.

    python tools/build_poses.py --poses POSES.npz --hands HANDS.npz --out models/synth

Runs of favoured clips are kept at 10 frames a second for sequences; of the others, frames spread over time.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from scorehoi_ros.body.load import load_body
from scorehoi_ros.files import whole_file
from scorehoi_ros.synth.scene.poses import read_corpus, stance_masks
from scorehoi_ros.types import Ints

RUN_FRAMES = 60
RUNS = {
    "walk": 1,
    "sit": 2,
    "drink": 1,
    "clean": 2,
    "reach": 1,
    "bend": 1,
    "throw_ball": 1,
    "idle": 2,
    "gesture": 1,
}
"""Runs kept of each clip with that tag."""
SPREAD = {"dance": 3, "climb": 2, "fight": 3, "jump": 4, "run": 5, "floor": 2}
"""Single frames kept of each clip; 10 of clips with other tags."""
MOST_WALKS = 24


def chosen_rows(tags: list[str], clip: Ints, frame: Ints) -> Ints:
    """Rows of the corpus that are kept."""
    kept, walks = [], 0
    for k, tag in enumerate(tags):
        rows = np.nonzero(clip == k)[0]
        walks += tag == "walk"
        if tag in RUNS and not (tag == "walk" and walks > MOST_WALKS):
            even = rows[frame[rows] % 2 == 0]
            starts = np.linspace(0, max(len(even) - RUN_FRAMES, 0), RUNS[tag]).astype(int)
            kept += [even[s : s + RUN_FRAMES] for s in starts]
        elif len(rows):
            kept.append(rows[np.linspace(0, len(rows) - 1, min(SPREAD.get(tag, 10), len(rows))).astype(int)])
    return np.unique(np.concatenate(kept))


def build(poses: Path, hands: Path, out: Path) -> None:
    """Write `poses.npz` and `hands.npz` into the folder `out`."""
    corpus = read_corpus(poses)
    masks = stance_masks(corpus, load_body().joints_template.astype(np.float64))
    rows = chosen_rows(list(corpus.tags), corpus.clip, corpus.frame)
    rows = np.union1d(rows[masks["any"][rows]], np.nonzero(masks["sit"])[0][::2])
    with np.load(poses, allow_pickle=False) as data:
        clips = json.loads(data["clips"].tobytes())
        used, clip = np.unique(data["clip"][rows], return_inverse=True)
        keep = ("name", "desc", "tags", "license")
        text = json.dumps([{key: clips[k][key] for key in keep} for k in used]).encode()
        arrays = {"poses": data["poses"][rows], "t": data["t"][rows], "clip": clip.astype(np.uint16)}
    with whole_file(out / "poses.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays, clips=np.frombuffer(text, np.uint8))
    with np.load(hands, allow_pickle=False) as data:
        arrays = {name: data[name] for name in ("poses", "side", "meta")}
    with whole_file(out / "hands.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--poses", type=Path, required=True)
    parser.add_argument("--hands", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    build(args.poses, args.hands, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
