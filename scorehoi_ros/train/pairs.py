"""Samples for contact predictor and mesh regressor: what a regressor says of some views, and the truth."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.geometry.view import origin_of, pelvis_of
from scorehoi_ros.networks.pair import Contacts, Pair, centred
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.train.regressor import Material
from scorehoi_ros.train.states import States, nearest_equivalent, true_states
from scorehoi_ros.train.templates import TemplateTable, squared_distance
from scorehoi_ros.train.views import Views
from scorehoi_ros.types import CONTACT_DISTANCE_M

_BATCH = 64
_TURNED = 1e-3
"""A symmetric object whose matrix differs by more is told by another rotation than in the scene."""
_SKIN_STEP = 3
"""One vertex in so many is asked whether a turned object touches it."""


@dataclass(frozen=True)
class ContactSamples:
    """n views with what the regressor says of them."""

    truth: States
    """Rotations of symmetric objects are those nearest to the estimate."""
    estimate: States
    template: Tensor
    """(n,) rows of the table."""
    K_view: Tensor
    """(n, 3, 3) view frame -> pixels of the crop."""
    side: int
    """Pixels of the crop."""
    floor: Tensor
    """(n, 4) unit normal and offset, view frame."""
    human_contact: Tensor
    """(n, 431) bool."""
    object_contact: Tensor
    """(n, 64) bool, of the points where `truth` has them."""
    floor_contact: Tensor
    """(n, 64) bool, the same."""
    image: Tensor
    """(n, c, s, s) the feature map F, float16."""
    landmarks: Tensor
    """(n, 75, c) the landmark tokens, float16."""
    said: Contacts
    """Logits of the regressor's own heads, float32."""
    table: TemplateTable
    shapes: Tensor
    """(m, 64, g) what the geometry encoder says of the templates' points."""

    def __len__(self) -> int:
        return len(self.template)


@torch.no_grad()
def contact_samples(
    guess: Guess, material: Material, body: BodyModel, generator: torch.Generator
) -> ContactSamples:
    """Samples from what `guesses.gather` has of the views of the material.

    Half of the estimates have the likeliest rotation, half the best of the hypotheses, as a refiner finds it.
    """
    views, table = material.data.views, material.data.table
    estimate, truth = estimated_states(guess, views, table, generator), true_states(views)
    R = nearest_equivalent(views.R_object, rotation_6d_to_matrix(estimate.R_o), table, views.template)
    truth = replace(truth, R_o=matrix_to_rotation_6d(R))
    touched, floored = views.object_contact.clone(), views.floor_contact.clone()
    turned = ((R - views.R_object).abs().amax((1, 2)) > _TURNED).nonzero()[:, 0]
    skin = BodyLayer(body, np.arange(0, len(body.v_template), _SKIN_STEP))
    for rows in turned.split(_BATCH):
        touched[rows], floored[rows] = touches(truth.rows(rows), views.rows(rows), table, skin)
    return ContactSamples(
        truth=truth,
        estimate=estimate,
        template=views.template,
        K_view=views.K_view,
        side=views.side,
        floor=views.floor,
        human_contact=views.human_contact,
        object_contact=touched,
        floor_contact=floored,
        image=guess.features,
        landmarks=guess.landmark_tokens,
        said=Contacts(guess.human_contact, guess.object_contact, guess.floor_contact),
        table=table,
        shapes=material.shapes,
    )


def estimated_states(guess: Guess, views: Views, table: TemplateTable, generator: torch.Generator) -> States:
    """What the regressor says, with one of its hypotheses for the rotation."""
    turns = [
        squared_distance(
            rotation_6d_to_matrix(guess.rotations[rows]), views.R_object[rows], table, views.template[rows]
        )
        for rows in torch.arange(len(views)).split(_BATCH)
    ]
    best = torch.rand(len(views), generator=generator) < 0.5
    chosen = torch.where(best, torch.cat(turns).argmin(1), guess.logits.argmax(1))
    pelvis = pelvis_of(guess.camera, views.focal)
    R_o = guess.rotations[torch.arange(len(chosen)), chosen]
    R_o = matrix_to_rotation_6d(rotation_6d_to_matrix(R_o))
    return States(guess.theta, guess.betas, pelvis, R_o, origin_of(guess.place, pelvis, views.focal))


def touches(truth: States, views: Views, table: TemplateTable, skin: BodyLayer) -> tuple[Tensor, Tensor]:
    """Which points of the turned object touch body and floor, each (n, 64), by the rule of the scenes."""
    vertices, _ = skin(views.rotations, views.betas, views.pelvis)
    points = place(table.points[views.template], truth)
    near = torch.cdist(points, vertices).amin(-1) < CONTACT_DISTANCE_M
    return near, _heights(points, views.floor) < CONTACT_DISTANCE_M


def place(points: Tensor, states: States) -> Tensor:
    """Template points (n, 64, 3) in the view frame."""
    return points @ rotation_6d_to_matrix(states.R_o).mT + states.origin[:, None]


def pair_of(
    samples: ContactSamples, rows: Tensor, states: States, posed: PosedBody, floor: Tensor, known: Tensor
) -> Pair:
    """The networks' view of states (B) that stand for `rows` (B,) of the samples.

    `floor` (B, 4) as it is believed to be, `known` (B,) 0 or 1 whether it is.
    """
    which = samples.template[rows]
    tokens = posed(states.theta, states.betas, states.pelvis).tokens
    template = samples.table.points[which]
    thing = place(template, states)
    local = (tokens - states.origin[:, None]) @ rotation_6d_to_matrix(states.R_o)
    return centred(
        tokens,
        thing,
        states.pelvis,
        K_view=samples.K_view[rows],
        side=samples.side,
        template=template,
        distance=signed_distances(samples.table, which, local),
        height=_heights(thing, floor) * known[:, None],
        floor=known,
        geometry=samples.shapes[which],
        image=samples.image[rows].float(),
        landmarks=samples.landmarks[rows].float(),
        said_human=samples.said.human[rows],
        said_thing=samples.said.thing[rows],
        said_floor=samples.said.floor[rows],
    )


def signed_distances(table: TemplateTable, which: Tensor, points: Tensor) -> Tensor:
    """(B, n) metres of points (B, n, 3), each in the frame of its template `which` (B,); negative inside.

    Trilinear; outside a grid the distance to it is added, as `geometry.sdf.sample_torch` does.
    """
    size = table.grid.shape[-1]
    place = (points - table.low[which][:, None]) / table.extent[which][:, None] * (size - 1)
    inside = place.clamp(0, size - 1)
    base = inside.floor().clamp_max(size - 2)
    fraction = inside - base
    i = base.long()
    start = (which[:, None] * size + i[..., 0]) * size
    flat = table.grid.flatten()
    total = torch.zeros_like(fraction[..., 0])
    for a in (0, 1):
        for b in (0, 1):
            for c in (0, 1):
                node = ((start + a * size) + i[..., 1] + b) * size + i[..., 2] + c
                weight = [f if up else 1 - f for up, f in zip((a, b, c), fraction.unbind(-1), strict=True)]
                total = total + flat[node].float() * weight[0] * weight[1] * weight[2]
    beyond = (place - inside) * table.extent[which][:, None] / (size - 1)
    return total + beyond.norm(dim=-1)


def _heights(points: Tensor, floor: Tensor) -> Tensor:
    """(B, n) metres of points (B, n, 3) over floors (B, 4)."""
    return (points @ floor[:, :3, None])[..., 0] - floor[:, 3:]
