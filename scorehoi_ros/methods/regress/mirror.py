"""A frame and its mirror image: what the network says of the body in both is joined.

The network was not told that people have mirror images, so its errors in both are partly independent: a
second look costs as much as the first and takes a few millimetres off the joints.  M = diag(-1, 1, 1) mirrors
the view frame; a template is mirrored by the same in its own frame.
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
    """The guess, its body and camera the means with what was said of the mirror image.

    The object stays that of the first look: joined as well, it was nearer on drawn scenes and farther off on
    photographs.
    """
    theta = (other.theta * _FLIP_6D.to(guess.theta))[:, _JOINTS]
    return guess._replace(
        theta=orthonormal_6d(_mean(guess.theta, theta)),
        betas=_mean(guess.betas, other.betas),
        camera=_mean(guess.camera, other.camera * FLIP.to(guess.camera)),
    )


def _mean(a: Tensor, b: Tensor) -> Tensor:
    return (a + b) / 2
