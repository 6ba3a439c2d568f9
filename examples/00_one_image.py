"""One image: who is where, where is the object, what touches; and a picture of it.

    python examples/00_one_image.py [--out one_image.png]

The image is rendered from the test set that comes with the package; put your own in its place.
"""

import argparse

import cv2

from scorehoi_ros import Camera, Frame, load_pipeline
from scorehoi_ros.datasets.registry import open_dataset
from scorehoi_ros.render.overlay import panel

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--out", default="one_image.png", help="picture to write")
args = parser.parse_args()

sample = open_dataset("synhoi-test").singles[0].load()
rgb = sample.frame.rgb  # (H, W, 3) uint8
height, width = rgb.shape[:2]
camera = Camera(sample.frame.camera.K, width, height)

pipeline = load_pipeline(object=sample.truth.template.source)
# The object's mask could also come from SAM, or from a prompt: `Prompt(box=Box(x0, y0, x1, y1))`.
frame = Frame(rgb, camera, stamp_ns=0, masks=sample.frame.masks)
result, _ = pipeline.step(frame, None)

print("status:", result.status.name, result.message)
for human in result.humans:
    print(f"{human.id}: pelvis at {human.root.round(2)} m, {len(human.vertices)} vertices")
for thing in result.objects:
    print(f"{thing.id}: {thing.label} at {thing.T_cam_object[:3, 3].round(2)} m")
for contact in result.contacts:
    print(f"{contact.human_id} touches {contact.object_id} with {', '.join(contact.body_parts)}")

assert result.flat is not None  # the undistorted image that the result lies on
picture = panel(result.flat, result, pipeline.body, pipeline.template)
cv2.imwrite(args.out, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
print("written:", args.out)
pipeline.close()
