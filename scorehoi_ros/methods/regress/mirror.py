"""A frame and its mirror image: what the network says of both is joined.

The network was not told that people and objects have mirror images, so its errors on both are partly
independent: a second look costs as much as the first and is worth a few millimetres, and it proposes other
rotations.  M = diag(-1, 1, 1) mirrors the view frame; a template is mirrored by the same in its own frame, so
that a rotation R becomes M R M.
"""

import torch
from torch import Tensor

from scorehoi_ros.body.landmarks import LANDMARK_NAMES
from scorehoi_ros.body.skeleton import MIRROR, mirror_name
from scorehoi_ros.geometry.rotation import orthonormal_6d
from scorehoi_ros.networks.regressor import Guess, Seen

FLIP = torch.tensor([-1.0, 1.0, 1.0])
_FLIP_6D = torch.tensor([1.0, -1.0, -1.0, -1.0, 1.0, 1.0])
"""What M R M does to the first two columns of R."""
_LANDMARKS = torch.tensor([LANDMARK_NAMES.index(mirror_name(name)) for name in LANDMARK_NAMES])
_JOINTS = torch.as_tensor(MIRROR, dtype=torch.long)


def mirrored(seen: Seen, points: Tensor, shapes: Tensor) -> Seen:
    """The mirror image of what was seen; points (1, 64, 3), shapes (1, 64, c) of the mirrored template."""
    flip = FLIP.to(seen.world)
    return seen._replace(
        masks=seen.masks.flip(-1).contiguous(),
        landmarks=(seen.landmarks * flip[:2])[:, _LANDMARKS],
        world=(seen.world * flip)[:, _LANDMARKS],
        confidence=seen.confidence[:, _LANDMARKS],
        points=points,
        shapes=shapes,
    )


def joined(guess: Guess, other: Guess) -> Guess:
    """The guess with what was said of the mirror image: means of the body and of places, all rotations.

    Contacts, features and uncertainties stay those of the first look.
    """
    flip, flip_6d = FLIP.to(guess.theta), _FLIP_6D.to(guess.theta)
    theta = (other.theta * flip_6d)[:, _JOINTS]
    shares = [torch.log_softmax(g.logits, 1) for g in (guess, other)]
    return guess._replace(
        theta=orthonormal_6d(_mean(guess.theta, theta)),
        betas=_mean(guess.betas, other.betas),
        camera=_mean(guess.camera, other.camera * flip),
        place=_mean(guess.place, other.place * flip),
        rotations=torch.cat((guess.rotations, other.rotations * flip_6d), 1),
        logits=torch.cat(shares, 1),
        log_turn=torch.cat((guess.log_turn, other.log_turn), 1),
    )


def _mean(a: Tensor, b: Tensor) -> Tensor:
    return (a + b) / 2
