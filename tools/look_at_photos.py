#!/usr/bin/env python3
"""Draw what is reconstructed of photos from a box alone, beside what comes of their masks, to be looked at.

FOLDER holds images/ and masks/<stem>_human.*, <stem>_object.* as for tools/measure_prompts.py.  Every photo
is reconstructed afresh, once with its masks and once for each segmenter with nothing but the box of its
object's mask, grown by 5 %.  OUT gets a picture <stem>.png for each photo: one row for each way, with the
overlay and the views from the side and from above.

Printed is for each way the overlap (IoU) of the drawn object with the true mask, without what the person
hides of it, the probability that the object is right, and the deepest penetration.

example: tools/look_at_photos.py ../shared/data/behave_clip --object long.xyz --camera 306,306,318,243 --out .
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from photo_folders import overlap, photos_in

from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.geometry.rigid import transform_points
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.perception.object.window import clip_box, mask_box
from scorehoi_ros.render.overlay import panel
from scorehoi_ros.render.zbuffer import silhouette
from scorehoi_ros.types import Bools, Camera, Frame, Masks, Prompt, Reconstruction

MASKS = "masks"
"""The way that is given the masks and no box."""


@dataclass(frozen=True)
class Photo:
    """A photo with its true masks."""

    stem: str
    rgb: NDArray[np.uint8]
    camera: Camera
    truth: Masks
    prompt: Prompt


def read_photos(folder: Path, numbers: list[float]) -> Iterator[Photo]:
    """The photos that have a mask of the object; `numbers` are fx, fy, cx, cy, or nothing for a guess."""
    for stem, rgb, truth in photos_in(folder):
        height, width = rgb.shape[:2]
        box = None if truth.object is None else mask_box(truth.object, 0.05)
        if box is None:
            continue
        camera = guess_camera(width, height)
        if numbers:
            fx, fy, cx, cy = numbers
            camera = Camera(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]), width, height)
        yield Photo(stem, rgb, camera, truth, Prompt(box=clip_box(box, height, width)))


def reconstruct(photo: Photo, pipeline: Pipeline, way: str) -> Reconstruction:
    """From the masks or from the box."""
    frame = Frame(photo.rgb, photo.camera, stamp_ns=0, name=photo.stem)
    if way == MASKS:
        return pipeline.step(replace(frame, masks=photo.truth), None)[0]
    return pipeline.step(frame, None, photo.prompt)[0]


def visible(result: Reconstruction, pipeline: Pipeline, photo: Photo) -> Bools:
    """(H, W) the object as reconstructed, without what is the person's in the true masks."""
    height, width = photo.rgb.shape[:2]
    if result.object is None or pipeline.template is None:
        return np.zeros((height, width), bool)
    mesh = pipeline.template.mesh
    vertices = transform_points(result.object.T_cam_object, mesh.vertices)
    drawn = silhouette(vertices, mesh.faces, np.asarray(photo.camera.K), width, height)
    human, thing = photo.truth.human, photo.truth.object
    assert thing is not None
    return drawn if human is None else drawn & ~(human & ~thing)


def main() -> int:
    """Draw and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--object", action="append", required=True, metavar="T", help="T, or STEM=T for each")
    parser.add_argument("--camera", default="", metavar="FX,FY,CX,CY", help="intrinsics; empty = a guess")
    parser.add_argument("--ways", nargs="+", default=[MASKS, "grabcut", "sam"], metavar="WAY")
    parser.add_argument("--method", default="regress", help="default regress")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args()
    objects = dict(reversed(text.rpartition("=")[::2]) for text in args.object)
    args.out.mkdir(parents=True, exist_ok=True)
    first = next(iter(objects))
    pipelines = {
        way: load_pipeline(object=first, segmenter="none" if way == MASKS else way, method=args.method)
        for way in args.ways
    }
    for photo in read_photos(args.folder, [float(x) for x in args.camera.split(",") if x]):
        spec = next((spec for spec, stem in objects.items() if stem in ("", photo.stem)), None)
        if spec is not None:
            template = load_template(spec)
            looked = {way: p.for_template(template) for way, p in pipelines.items()}
            write(photo, looked, args.out)
    return 0


def write(photo: Photo, pipelines: Mapping[str, Pipeline], out: Path) -> None:
    """The picture and the row of one photo."""
    rows, words = [], []
    for way, pipeline in pipelines.items():
        result = reconstruct(photo, pipeline, way)
        assert result.flat is not None and photo.truth.object is not None
        rows.append(panel(result.flat, result, pipeline.body, pipeline.template))
        iou = overlap(visible(result, pipeline, photo), photo.truth.object)
        p = 0.0 if result.object is None else result.object.confidence
        words.append(f"{way} {iou:.2f}/{p:.2f}/{result.quality.get('penetration_mm', 0.0):.0f}")
    picture = np.concatenate(rows)
    cv2.imwrite(str(out / f"{photo.stem}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    sys.stdout.write(f"{photo.stem:10}  " + "  ".join(f"{text:24}" for text in words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
