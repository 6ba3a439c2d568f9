"""A method of your own behind the seams: an estimator and a refiner, in a pipeline that stays the same.

    python examples/04_your_own_method.py

This one takes the person from the landmarks as they are and puts the object into the hands; a network would
look at `evidence.image`, `evidence.landmarks` and the silhouettes.  CONTRIBUTING.md says how it gets
a name.
"""

from dataclasses import replace

import numpy as np
import torch

from scorehoi_ros import PipelineConfig, load_pipeline
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.datasets.registry import open_dataset
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.stages import Method, Prediction, Proposal, Refined
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Estimate, Floor, ObjectPose

WRISTS = [20, 21]


def build(body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig) -> Method:
    """The method for one body and one template, as `methods.registry` asks for it."""
    posed = PosedBody(body, config.device)

    def estimate(evidence: Evidence, prediction: Prediction | None) -> Proposal:
        thing = None
        if evidence.person is not None and evidence.object is not None and template is not None:
            with torch.no_grad():
                joints = posed(*posed.tensors(evidence.person)).joints
            unturned = np.array([1.0, 0, 0, 0, 1, 0])
            thing = ObjectPose(unturned, joints[WRISTS].mean(0).double().numpy())
        return Proposal((Estimate(evidence.person, thing),))

    def refine(
        proposal: Proposal, evidence: Evidence, floor: Floor | None, prediction: Prediction | None
    ) -> Refined:
        return Refined(proposal.best)

    return Method(estimate, refine)


sample = open_dataset("synhoi-test").singles[0].load()
pipeline = load_pipeline()
pipeline = replace(pipeline, make_method=build).for_template(sample.truth.template)
result, _ = pipeline.step(sample.frame, None)
print("status:", result.status.name, result.message)
for thing in result.objects:
    print(f"{thing.id}: {thing.label} at {thing.T_cam_object[:3, 3].round(2)} m, {thing.status.name}")
print(f"true place: {sample.truth.T_cam_object[:3, 3].round(2)} m; {sum(result.stage_ms.values()):.0f} ms")
pipeline.close()
