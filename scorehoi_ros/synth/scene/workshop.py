"""What the generator builds once: body layers, skin groups, corpora."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.synth.scene.anchors import Anchors, find_anchors
from scorehoi_ros.synth.scene.fingers import FingerSkin, make_skin
from scorehoi_ros.synth.scene.hands import HandCorpus, cached_hands
from scorehoi_ros.synth.scene.ik import Mover, make_mover
from scorehoi_ros.synth.scene.poses import PosePool, cached_corpus, make_pool
from scorehoi_ros.types import Floats


@dataclass(frozen=True)
class Workshop:
    """Everything that does not depend on the scene."""

    body: BodyModel
    layer: BodyLayer
    """All vertices."""
    anchors: Anchors
    mover: Mover
    skin: FingerSkin
    pool: PosePool
    hands: HandCorpus

    def rest_joints(self, betas: Floats) -> Floats:
        """(52, 3) joints in T-pose of a shape."""
        return np.asarray(self.body.joints_template + self.body.joints_shapedirs @ betas, np.float64)


@lru_cache(maxsize=1)
def _tools() -> tuple[BodyModel, BodyLayer, Anchors, Mover, FingerSkin]:
    body = free_body()
    anchors = find_anchors(body)
    return body, BodyLayer(body), anchors, make_mover(body, anchors), make_skin(body, anchors)


@lru_cache(maxsize=4)
def open_workshop(split: str, poses: Path | None = None) -> Workshop:
    """The workshop of a split; the free body, the corpus `poses` or the one that comes with the package."""
    tools = _tools()
    pool = make_pool(cached_corpus(poses), split, np.asarray(tools[0].joints_template, np.float64))
    return Workshop(*tools, pool, cached_hands())
