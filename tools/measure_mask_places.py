"""How often masks of real photos are moved: as they come, and put 10 to 20 pixels off.

    python tools/measure_mask_places.py FOLDER ...

Each FOLDER holds images/ and masks/ with STEM_human.* and STEM_object.*.  Pixels are those of a crop of 256
around person and object; nothing is written.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from mask_faults import moved

from scorehoi_ros.evaluate.metrics import mask_iou
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.frame.mask_check import checked
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.io.images import open_images
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.perception.observe import own_mask
from scorehoi_ros.types import Frame, Masks

CASES = {
    "as it is": [(0, 0, 0.0)],
    "object 10": [(0, 10, 0.5), (0, 10, 3.6)],
    "object 20": [(0, 20, 2.0)],
    "person 10": [(10, 0, 0.5)],
    "person 20": [(20, 0, 4.0)],
    "both 15": [(15, 15, 2.5), (15, 15, 5.5)],
}
"""Pixels by which person and object are off, and the direction in radians."""


def main() -> int:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="photos with masks")
    detector = MediapipeHuman()
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in CASES}
    for folder in parser.parse_args().folders:
        for frame in open_images(folder / "images", guess_camera, folder / "masks").frames():
            if isinstance(frame, BadFrame) or frame.masks.human is None or frame.masks.object is None:
                continue
            own = own_mask(detector.detect(frame.rgb))
            for name, cases in CASES.items():
                rows[name] += [one(frame, own, case) for case in cases]
    for name, found in rows.items():
        sums = np.sum(found, axis=0)
        sys.stdout.write(
            f"{name:<12}{len(found):>4} masks: person moved {sums[0]:.0f}, object moved {sums[1]:.0f}, "
            f"to a better overlap {sums[2]:.0f}\n"
        )
    return 0


def one(frame: Frame, own: np.ndarray | None, case: tuple[float, float, float]) -> tuple[float, ...]:
    """Whether the person's and the object's mask were moved, and whether the object's is better for it."""
    masks = frame.masks
    assert masks.human is not None and masks.object is not None
    ys, xs = np.nonzero(masks.human | masks.object)
    unit = float(1.2 * max(np.ptp(ys), np.ptp(xs)) / 256)
    human = moved(masks.human, case[0] * unit, case[2])
    thing = moved(masks.object, case[1] * unit, case[2])
    found = checked(replace(frame, masks=Masks(human, thing)), own)
    assert found.masks.object is not None
    better = mask_iou(found.masks.object, masks.object) > mask_iou(thing, masks.object) + 0.05
    return float("human" in found.off_px), float("object" in found.off_px), float(better)


if __name__ == "__main__":
    sys.exit(main())
