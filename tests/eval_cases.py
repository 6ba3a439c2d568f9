"""What the tests of the evaluation share: a small data set of hand-made truths."""

from functools import cache, partial

import numpy as np

from scorehoi_ros.body.load import free_body
from scorehoi_ros.datasets.dataset import Dataset, Human, Item, Sample, Truth
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Floor
from tests.synthetic import make_scene

BOX = "box:0.40x0.30x0.25"


@cache
def box_template() -> ObjectTemplate:
    return load_template(BOX)


@cache
def make_sample(index: int, shift: float = 0.0) -> Sample:
    """A person who holds a box; `shift` metres to the right."""
    body, template = free_body(), box_template()
    scene = make_scene(body, template, index * 100_000_000, shift=shift, turn=0.1 * index)
    height = float((scene.vertices @ [0.0, -1.0, 0.0]).min())
    truth = Truth(
        Human(scene.vertices, body.faces, scene.joints),
        scene.T_cam_object,
        template,
        Floor(np.array([0.0, -1.0, 0.0]), height),
        scene.frame.masks.human,
        scene.frame.masks.object,
    )
    return Sample(f"scene/{index}", scene.frame, truth, scene.seen, ("hold", "lift")[index % 2])


def make_dataset(singles: int = 2, sequence: int = 0) -> Dataset:
    items = [Item(f"scene/{i}", partial(make_sample, i)) for i in range(singles)]
    frames = [Item(f"seq/{i}", partial(make_sample, i, 0.02 * i)) for i in range(sequence)]
    return Dataset("fake", "1", items, [frames] if frames else [])
