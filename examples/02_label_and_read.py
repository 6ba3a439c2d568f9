"""Label a folder of images with masks beside them, and read what came out: numpy files and an MCAP.

    python examples/02_label_and_read.py [--out labelled]

`scorehoi label` does the first half from the command line, for videos and bags too.
"""

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.highlevel import AnyReader

from scorehoi_ros import PipelineConfig, load_pipeline
from scorehoi_ros.datasets.registry import open_dataset
from scorehoi_ros.io.bags.message_types import typestore
from scorehoi_ros.io.source import open_source
from scorehoi_ros.label.labeller import LabelJob, label
from scorehoi_ros.render.overlay import panel

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--out", type=Path, default=Path("labelled"), help="folder to write")
args = parser.parse_args()

# Two frames as files: 000000.png with 000000_human.png and 000000_object.png, and so on.
images, masks = args.out / "images", args.out / "masks"
for folder in (images, masks):
    folder.mkdir(parents=True, exist_ok=True)
samples = [item.load() for item in open_dataset("synhoi-test").sequences[0][:2]]
for index, sample in enumerate(samples):
    frame = sample.frame
    cv2.imwrite(str(images / f"{index:06d}.png"), cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR))
    for name, mask in (("human", frame.masks.human), ("object", frame.masks.object)):
        if mask is not None:
            cv2.imwrite(str(masks / f"{index:06d}_{name}.png"), 255 * mask.astype(np.uint8))

K = samples[0].frame.camera.K
camera = f"{K[0, 0]},{K[1, 1]},{K[0, 2]},{K[1, 2]}"
source = open_source(images, camera=camera, masks_dir=masks, rate_hz=12)
config = PipelineConfig(object=samples[0].truth.template.source)
job = LabelJob(source, config, args.out / "labels")
summary = label(job, load_pipeline, panel, lambda frames, count: iter(frames))
print("frames by status:", {name: count for name, count in summary["status"].items() if count})

for path in sorted((args.out / "labels" / "frames").glob("*.npz")):
    with np.load(path) as data:
        vertices, T = data["human_vertices"], data["T_cam_object"]
        print(f"{path.name}: {data['human_ids']} {vertices.shape}, {data['object_ids']} at {T[0, :3, 3]}")

with AnyReader([args.out / "labels" / "labels.mcap"], default_typestore=typestore()) as reader:
    wanted = [c for c in reader.connections if c.topic.endswith("/interaction")]
    for connection, _, data in reader.messages(connections=wanted):
        message: Any = reader.deserialize(data, connection.msgtype)
        parts = [part for contact in message.contacts for part in contact.body_parts]
        print(f"message of {message.header.stamp.sec}.{message.header.stamp.nanosec:09d}: touches {parts}")
