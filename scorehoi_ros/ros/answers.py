"""How answers leave the node: held back for later ones, moved to the target frame, published, counted."""

import time
from dataclasses import dataclass

from rclpy.node import Node

from scorehoi_ros.errors import shown
from scorehoi_ros.frame.session import Session
from scorehoi_ros.frame.smoothing import Smoother
from scorehoi_ros.io.topics.frames import Hall
from scorehoi_ros.io.topics.pairing import Bundle
from scorehoi_ros.ros.age import Age, age_of
from scorehoi_ros.ros.health import Health
from scorehoi_ros.ros.outputs import Outputs
from scorehoi_ros.ros.params import Parameters
from scorehoi_ros.types import Floats, Reconstruction

SILENCE_S = 1.0
"""After so long without an image no answer waits for a later one."""


@dataclass(frozen=True)
class _Origin:
    bundle: Bundle
    hall: Hall


class Answers:
    """Publishes what the session says; every method but `silent` is called in the solver's thread."""

    def __init__(self, node: Node, parameters: Parameters, outputs: Outputs, health: Health) -> None:
        self._node, self._parameters, self._outputs, self._health = node, parameters, outputs, health
        self._smoother: Smoother[_Origin] = Smoother(parameters.outputs.smoothing_s)
        self._taken_s = time.monotonic()

    def take(self, r: Reconstruction, bundle: Bundle, hall: Hall, session: Session) -> None:
        """Publish an answer, or hold it back and publish those whose time has come."""
        self._taken_s = time.monotonic()
        for ready, origin in self._smoother.take(r, _Origin(bundle, hall), session.pipeline.mesh_of):
            self._publish(ready, origin, session)

    def rest(self, session: Session) -> None:
        """Publish what waits for answers that may not come."""
        for ready, origin in self._smoother.rest(session.pipeline.mesh_of):
            self._publish(ready, origin, session)

    @property
    def silent(self) -> bool:
        """No image has come for a while."""
        return time.monotonic() - self._taken_s > SILENCE_S

    def _publish(self, r: Reconstruction, origin: _Origin, session: Session) -> None:
        age, to_target = node_age(self._node, origin.bundle), self._to_target(r, origin.hall)
        self._outputs.publish(r, session.pipeline, self._parameters.node, age.ms, to_target)
        self._health.result(r, age.ms, age.from_arrival, session.resets)

    def _to_target(self, r: Reconstruction, hall: Hall) -> Floats | None:
        """T_target_cam (4, 4) at the image's stamp; None where no frame is wanted or that is not known."""
        target = self._parameters.node.target_frame
        if not target or target == r.frame_id:
            return None
        T = hall.transform(target, r.frame_id, r.stamp_ns)
        camera = shown(r.frame_id)
        lacking = (
            f"TF does not join {camera} and {shown(target)} at the image's stamp; results stay in {camera}"
        )
        self._health.problem("target_frame", "" if T is not None else lacking)
        return T


def node_age(node: Node, bundle: Bundle) -> Age:
    """How old an image is now, by the node's clock."""
    now_ns = node.get_clock().now().nanoseconds
    return age_of(bundle.stamp_ns, now_ns, bundle.arrived_ns, time.monotonic_ns())
