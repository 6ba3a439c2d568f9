"""The rigid motion between two sets of corresponding points, for batches of tensors."""

import torch
from torch import Tensor

_STAY = 1e-5
"""How much staying still counts, as a share of the variance: decides only what the points leave open."""


def fit_rigid(source: Tensor, target: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """R (B, 3, 3) and t (B, 3) with the least sum of `weights` times |R source + t - target|^2.

    `source` and `target` (B, n, 3), `weights` (B, n), not negative.  Never a reflection (Umeyama 1991).
    Where the points leave a turn open (on one line, or all in one place) it is the smallest; without any
    weight nothing moves.  Computed in double precision, returned in the type of `source`; no gradient.
    """
    with torch.no_grad():
        s, t, w = source.double(), target.double(), weights.double()[..., None]
        total = w.sum(1)
        w = torch.where(total[:, None] > 0, w / total.clamp_min(1e-30)[:, None], 0.0)
        mean_s, mean_t = (w * s).sum(1), (w * t).sum(1)
        s, t = s - mean_s[:, None], t - mean_t[:, None]
        variance = (w * s * s).sum((1, 2))
        eye = torch.eye(3, dtype=s.dtype, device=s.device)
        still = (_STAY * variance).clamp_min(1e-12)[:, None, None] * eye
        U, _, Vt = torch.linalg.svd((w * t).mT @ s + still)
        sign = torch.ones_like(mean_s)
        sign[:, 2] = torch.linalg.det(U @ Vt).sign()
        R = (U * sign[:, None]) @ Vt
        shift = mean_t - (R @ mean_s[..., None])[..., 0]
        return R.to(source.dtype), shift.to(source.dtype)
