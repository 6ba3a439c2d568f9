"""The LifecycleNode `scorehoi`: images in, reconstructions out (see docs/ros_api.md).

Threads: the executor's thread runs callbacks, services and transitions and never computes; the worker's
thread owns the session (pipeline and tracking state), decodes, computes and publishes.
"""

import dataclasses
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from std_srvs.srv import Trigger

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import ScorehoiError
from scorehoi_ros.frame.session import Outcome, PipelineFactory, Session, bad_input
from scorehoi_ros.io.ros_frames import frame_of
from scorehoi_ros.messages.factory import stamp_ns
from scorehoi_ros.ros.age import Age, age_of
from scorehoi_ros.ros.cameras import Cameras
from scorehoi_ros.ros.diagnostics import diagnostic_array
from scorehoi_ros.ros.gravity import GravityFromTf
from scorehoi_ros.ros.health import Health, Throttle, advice
from scorehoi_ros.ros.inputs import Inputs, image_topic, published_image_topics
from scorehoi_ros.ros.matcher import Bundle
from scorehoi_ros.ros.outputs import Outputs
from scorehoi_ros.ros.params import Parameters
from scorehoi_ros.ros.prompt_service import PromptService
from scorehoi_ros.ros.transitions import refuse_impossible_transitions
from scorehoi_ros.ros.worker import Counts, Worker
from scorehoi_ros.types import Frame

log = logging.getLogger(__name__)

DRAIN_S = 60.0
"""A frame in progress is waited for this long; the first one may compile kernels."""
GRAVITY_CHANGE_DEG = 2.0


class ReconstructNode(LifecycleNode):
    """Managed node around a `Session`; `pipeline_factory` builds the pipeline from its configuration.

    Raises InputError when a parameter given at start is wrong.
    """

    def __init__(self, pipeline_factory: PipelineFactory, node_name: str = "scorehoi", **kwargs: Any) -> None:
        super().__init__(node_name, **kwargs)
        refuse_impossible_transitions(self)
        self._factory = pipeline_factory
        self.health, self._throttle = Health(), Throttle()
        self.session: Session | None = None
        self.outputs: Outputs | None = None
        self.worker: Worker[Bundle] | None = None
        self._inputs: Inputs | None = None
        self._gravity_tf: GravityFromTf | None = None
        self._gravity: list[float] = []
        self._newest: Bundle | None = None
        self._held: Bundle | None = None
        self.parameters = Parameters(self, lambda: self.session is not None, self._settings_changed)
        self._cameras = Cameras("", 0.0)
        self._diagnostics = Node.create_publisher(self, DiagnosticArray, "/diagnostics", 1)
        self._timer = self.create_timer(1.0, self._tick)
        self.create_service(Trigger, "~/reset", self._reset)
        self._prompts = PromptService(self)

    @property
    def finalized(self) -> bool:
        """True after shutdown: the node will not come back."""
        return self.health.snapshot().lifecycle == "finalized"

    # -- transitions: rclpy swallows what they raise, so everything is caught and said here

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load, verify and warm up the pipeline; make the publishers; publish the topology."""
        return self._transition("configure", "inactive", self._configure, self._release)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe."""
        return self._transition("activate", "active", self._activate, self._unsubscribe)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe, wait for the frame in progress, forget the track."""
        return self._transition("deactivate", "inactive", self._deactivate, self._unsubscribe)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free pipeline, thread and publishers."""
        return self._transition("cleanup", "unconfigured", self._release, self._release)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state."""
        return self._transition("shutdown", "finalized", self._release, self._release)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Come back to unconfigured."""
        return self._transition("error", "unconfigured", self._release, self._release)

    def _transition(
        self, name: str, reached: str, action: Callable[[], None], undo: Callable[[], None]
    ) -> TransitionCallbackReturn:
        try:
            action()
        except Exception as error:
            if isinstance(error, ScorehoiError):
                log.error("cannot %s: %s", name, error)
            else:
                log.exception("cannot %s", name)
            undo()
            self.health.lifecycle(self.health.snapshot().lifecycle, f"cannot {name}: {error}")
            return TransitionCallbackReturn.FAILURE
        self.health.lifecycle(reached)
        return TransitionCallbackReturn.SUCCESS

    def _configure(self) -> None:
        self.session = Session(self._pipeline_config(), self._factory)
        self.session.warm_up()
        self.outputs = Outputs(self)
        self.outputs.describe(self.session, self.parameters.node)
        self.worker = Worker(self._work, self._worker_error)

    def _activate(self) -> None:
        settings = self.parameters.node
        self._cameras = Cameras(settings.camera, settings.camera_info_timeout_s)
        if settings.gravity_frame and not self.parameters.pipeline.gravity:
            self._gravity_tf = _gravity_from_tf(self, settings.gravity_frame)
        self._inputs = Inputs(self, settings, self._receive, self._receive_info)
        log.info("waiting for images on %s", self._inputs.image_topic)

    def _deactivate(self) -> None:
        self._unsubscribe()
        if self.worker is not None and self.session is not None:
            self.worker.post(self.session.reset)
            if not self.worker.drain(DRAIN_S):
                raise RuntimeError(f"the frame in progress takes longer than {DRAIN_S:.0f} s")

    def _unsubscribe(self) -> None:
        if self._inputs is not None:
            self._inputs.destroy()
        if self._gravity_tf is not None:
            self._gravity_tf.close()
        self._inputs = self._gravity_tf = self._newest = self._held = None

    def _release(self) -> None:
        self._unsubscribe()
        if self.worker is not None and not self.worker.stop(DRAIN_S):
            log.error("the worker did not stop within %.0f s", DRAIN_S)
        if self.session is not None:
            self.session.close()
        if self.outputs is not None:
            self.outputs.destroy()
        self.worker = self.session = self.outputs = None

    # -- executor thread

    def _receive_info(self, info: CameraInfo) -> None:
        self._cameras.update(info)
        self._retry_held()

    def _retry_held(self) -> None:
        """Submit the image that had to wait for a CameraInfo, unless a newer one has come."""
        held, self._held = self._held, None
        if held is not None and held is self._newest and self.worker is not None:
            self.worker.submit(held)

    def _receive(self, bundle: Bundle) -> None:
        self.health.image()
        self._newest = bundle
        if bundle.missing:
            names = " and ".join(bundle.missing)
            self.health.problem(
                "companions", f"no {names} with the stamp of the image; the frame goes on without"
            )
        elif bundle.companions:
            self.health.problem("companions", "")
        if self.worker is not None:
            self.worker.submit(bundle)

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self.worker is not None and self.session is not None
        response.message = (
            "the next frame starts afresh" if response.success else "the node is not configured"
        )
        if self.worker is not None and self.session is not None:
            self.worker.post(self.session.reset)
        return response

    def _settings_changed(self) -> None:
        if self.worker is not None:
            self.worker.post(self._rebuild)

    def _tick(self) -> None:
        self._retry_held()
        s, settings, now_s = self.health.snapshot(), self.parameters.node, time.monotonic()
        topic = self.resolve_topic_name(image_topic(settings))
        busy = self.worker is not None and self.worker.busy
        reasons = advice(s, now_s, topic, lambda: published_image_topics(self), busy)
        for key, text in reasons.items():
            if self._throttle.allows(key, now_s, settings.warn_period_s):
                log.warning("%s", text)
        counts = self.worker.counts() if self.worker is not None else Counts()
        time_message = self.get_clock().now().to_msg()
        self._diagnostics.publish(
            diagnostic_array(self.get_fully_qualified_name(), time_message, s, counts, reasons)
        )

    # -- worker thread

    def _work(self, bundle: Bundle) -> None:
        session, outputs, settings = self.session, self.outputs, self.parameters.node
        if session is None or outputs is None:
            return
        age = self._age(bundle)
        if settings.max_age_s and not age.from_arrival and age.ms > 1e3 * settings.max_age_s:
            self.health.too_old()
            return
        frame, outcome = self._reconstruct(bundle, session)
        if outcome is None:
            self._held = bundle
            return
        age = self._age(bundle)
        outputs.publish(outcome, frame, session, settings, age.ms)
        self.health.result(outcome.reconstruction, age.ms, age.from_arrival, session.resets)

    def _reconstruct(self, bundle: Bundle, session: Session) -> tuple[Frame | None, Outcome | None]:
        header, frame_id = bundle.image.header, self.parameters.node.frame_id
        try:
            frame = frame_of(bundle, self._cameras, frame_id, self.health.problem)
        except Exception as error:
            known = isinstance(error, ScorehoiError)
            if not known:
                log.exception("image %d cannot be read", bundle.stamp_ns)
            reason = str(error) if known else f"internal error: {error!r}"
            bad = bad_input(stamp_ns(header.stamp), frame_id or header.frame_id, reason)
            return None, Outcome(bad, "")
        if frame is None:
            return None, None
        self._follow_gravity(frame.frame_id)
        outcome = session.step(frame)
        self.health.problem("gap", session.warning)
        return frame, outcome

    def _follow_gravity(self, camera_frame: str) -> None:
        tf = self._gravity_tf
        found = tf.direction(camera_frame) if tf is not None else None
        if tf is not None:
            text = "" if found or self._gravity else f"TF does not know gravity in {camera_frame} yet"
            self.health.problem("gravity", text)
        if found and not _close(found, self._gravity):
            self._gravity = found
            self._rebuild()

    def _rebuild(self) -> None:
        session, outputs = self.session, self.outputs
        config = self._pipeline_config()
        if session is None or outputs is None:
            return
        if config != session.config:
            session.rebuild(config)
        outputs.describe(session, self.parameters.node)

    def _pipeline_config(self) -> PipelineConfig:
        config = self.parameters.pipeline
        return config if config.gravity else dataclasses.replace(config, gravity=self._gravity)

    def _age(self, bundle: Bundle) -> Age:
        return age_of(
            bundle.stamp_ns, self.get_clock().now().nanoseconds, bundle.received_ns, time.monotonic_ns()
        )

    def _worker_error(self, error: Exception) -> None:
        log.error("%s", error, exc_info=None if isinstance(error, ScorehoiError) else error)


def _gravity_from_tf(node: Node, up_frame: str) -> GravityFromTf | None:
    try:
        return GravityFromTf(node, up_frame)
    except ScorehoiError as error:
        log.warning("%s", error)
        return None


def _close(a: list[float], b: list[float]) -> bool:
    return bool(b) and float(np.dot(a, b)) > float(np.cos(np.radians(GRAVITY_CHANGE_DEG)))
