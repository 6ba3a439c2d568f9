"""Contacts of an estimate as the contact predictor says them (ScoreHOI, 3.4)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.alignment.state import State
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.energy.physical import heights, signed_distances
from scorehoi_ros.frame.stages import ContactMasks
from scorehoi_ros.interaction.object_tensors import ObjectTensors
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.networks.pair import centred
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.runtime.contact import Touch
from scorehoi_ros.types import Floats


@dataclass(frozen=True)
class ContactAsker:
    """The predictor for one body and one template."""

    net: Touch
    posed: PosedBody
    tensors: ObjectTensors
    shapes: Tensor
    """(1, 64, POINT_FEATURES) what the geometry encoder says of the template's points."""

    def __call__(self, state: State, guess: Guess, view: View, floor: Floats | None) -> ContactMasks:
        """Probabilities with the leading dimension H of the states, which are in the view frame.

        `floor` (4,) as of `plane_in_view`, None = not known.
        """
        device = self.shapes.device
        theta, betas, root, origin, R_o = (
            getattr(state, name).float().to(device) for name in ("theta", "betas", "root", "origin", "R_o")
        )
        count = len(root)
        with torch.no_grad():
            tokens = self.posed.tokens(theta, betas, root)
            points = self.tensors.points[None]
            thing = points @ R_o.mT + origin[:, None]
            plane = torch.as_tensor(np.zeros(4) if floor is None else floor).float().to(device)
            known = torch.full((count,), float(floor is not None), device=device)
            shared = {
                "geometry": self.shapes,
                "image": guess.features,
                "landmarks": guess.landmark_tokens,
                "said_human": guess.human_contact,
                "said_thing": guess.object_contact,
                "said_floor": guess.floor_contact,
                "template": points,
                "K_view": torch.as_tensor(view.P, dtype=torch.float32, device=device)[None],
            }
            pair = centred(
                tokens,
                thing,
                root,
                side=view.size,
                distance=signed_distances(tokens, self.tensors.field, R_o, origin),
                height=heights(thing, plane[:3], plane[3]) * known[:, None],
                floor=known,
                **{name: value.expand(count, *value.shape[1:]) for name, value in shared.items()},
            )
            return ContactMasks(*(torch.sigmoid(logits) for logits in self.net(pair)))
