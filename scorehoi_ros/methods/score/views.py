"""Further calibrated cameras of a frame, as `sampling` takes them."""

from dataclasses import replace

import numpy as np

from scorehoi_ros.alignment.target import Contacts, Shape
from scorehoi_ros.alignment.views import Beside
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.geometry.rigid import make_transform
from scorehoi_ros.methods.regress.scale import depths_of, measured_of
from scorehoi_ros.methods.regress.target import target_of
from scorehoi_ros.methods.regress.view import View, view_of
from scorehoi_ros.types import Floats


def beside_of(evidence: Evidence, T_beside_first: Floats, first: View, shape: Shape | None = None) -> Beside:
    """What a further camera sees at the moment of a frame.

    `evidence` is that camera's own, of the same person and object; T_beside_first (4, 4) rigid, metres, takes
    the optical frame of the first camera to that of this one; `first` is the view of the frame's evidence,
    `shape` that of the object, whose measured depth counts only with it.
    """
    view = view_of(evidence)
    into = view.R_cam_view.T
    T = make_transform(into @ T_beside_first[:3, :3] @ first.R_cam_view, into @ T_beside_first[:3, 3])
    pelvis, origin = depths_of(measured_of(evidence, view, None), shape)
    seen = target_of(evidence, view, Contacts(), None)
    return Beside(replace(seen, pelvis_depth=pelvis, object_depth=origin), np.asarray(T, np.float64))
