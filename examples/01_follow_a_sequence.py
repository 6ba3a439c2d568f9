"""Frames of one camera: the state of a frame goes into the next, and people keep their name and their shape.

python examples/01_follow_a_sequence.py [--frames 3]
"""

import argparse

import numpy as np

from scorehoi_ros import load_pipeline
from scorehoi_ros.datasets.registry import open_dataset

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--frames", type=int, default=3, help="how many frames to follow")
args = parser.parse_args()

items = open_dataset("synhoi-test").sequences[0][: args.frames]
first = items[0].load()
floor = first.truth.floor
assert floor is not None  # this data set tells where it is
pipeline = load_pipeline(object=first.truth.template.source, gravity=list(-floor.normal))

state = None  # nothing is known yet; None again starts afresh
for item in items:
    frame = item.load().frame
    result, state = pipeline.step(frame, state)
    names = [f"{human.id} {human.status.name}" for human in result.humans]
    names += [f"{thing.id} {thing.status.name}" for thing in result.objects]
    ms = sum(result.stage_ms.values())
    print(f"{frame.stamp_ns * 1e-9:5.2f} s  {result.status.name:9}  {', '.join(names)}  {ms:.0f} ms")

# The shape was fixed when the person was first seen well.
if state is not None and state.human is not None and state.human.betas is not None:
    print(f"{state.human.id} has the shape {np.round(state.human.betas, 2)}")
pipeline.close()
