"""The LifecycleNode `scorehoi`: images in, reconstructions out (see docs/ros_api.md).

Threads: the executor's thread runs callbacks, services and transitions and never computes.  The watcher's
thread decodes the newest image and looks for the person in it; the solver's thread takes the newest of what
the watcher saw, owns the session (pipeline and tracking state), computes and publishes.  The looker's thread
takes slow looks at the object, for which no frame of a track waits.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from std_srvs.srv import Trigger

from scorehoi_ros.errors import ScorehoiError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.frame.session import Build, Session, Sight
from scorehoi_ros.io.topics.pairing import Bundle
from scorehoi_ros.memory import settle, unsettle
from scorehoi_ros.ros import qos
from scorehoi_ros.ros.answers import Answers, node_age
from scorehoi_ros.ros.diagnostics import diagnostic_array
from scorehoi_ros.ros.health import Health, Throttle, advice
from scorehoi_ros.ros.inputs import Inputs, image_topic, published_image_topics
from scorehoi_ros.ros.lost import lost_text
from scorehoi_ros.ros.outputs import Outputs
from scorehoi_ros.ros.params import Parameters
from scorehoi_ros.ros.prompt_service import PromptService
from scorehoi_ros.ros.recent import Rates
from scorehoi_ros.ros.timers import steady_timer
from scorehoi_ros.ros.transitions import refuse_impossible_transitions
from scorehoi_ros.ros.worker import Command, Worker, joined
from scorehoi_ros.threads import set_threads
from scorehoi_ros.types import Prompt

log = logging.getLogger(__name__)

DRAIN_S = 60.0
"""A frame in progress is waited for this long; the first one may compile kernels."""


@dataclass(frozen=True)
class _Watched:
    """An image with what the watcher saw in it."""

    bundle: Bundle
    sight: Sight | BadFrame


class ReconstructNode(LifecycleNode):
    """Managed node around a `Session`; `build` makes the pipeline from its configuration.

    Raises InputError when a parameter given at start is wrong.
    """

    def __init__(self, build: Build, node_name: str = "scorehoi", **kwargs: Any) -> None:
        super().__init__(node_name, **kwargs)
        refuse_impossible_transitions(self)
        self._build = build
        self._health, self._throttle, self._rates = Health(), Throttle(), Rates()
        self._session: Session | None = None
        self._looker: ThreadPoolExecutor | None = None
        self._outputs: Outputs | None = None
        self._answers: Answers | None = None
        self._watcher: Worker[Bundle] | None = None
        self._solver: Worker[_Watched] | None = None
        self._inputs: Inputs | None = None
        self.parameters = Parameters(self, lambda: self._session is not None, self._settings_changed)
        self._diagnostics = Node.create_publisher(
            self, DiagnosticArray, "/diagnostics", 1, qos_overriding_options=qos.overridable()
        )
        self._timer = steady_timer(self, 1.0, self._tick)
        self.create_service(Trigger, "~/reset", self._reset)
        PromptService(self, self._post, self._prompt, self.parameters.object_replaced)

    @property
    def finalized(self) -> bool:
        """True after shutdown: the node will not come back."""
        return self._health.snapshot().lifecycle == "finalized"

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
            self._health.lifecycle(self._health.snapshot().lifecycle, f"cannot {name}: {error}")
            return TransitionCallbackReturn.FAILURE
        self._health.lifecycle(reached)
        return TransitionCallbackReturn.SUCCESS

    def _configure(self) -> None:
        set_threads(self.parameters.pipeline.threads)
        self._looker = ThreadPoolExecutor(1, "scorehoi_looker")
        self._session = Session(self.parameters.pipeline, self._build, aside=self._looker)
        self._session.warm_up()
        self._outputs = Outputs(self)
        self._outputs.describe(self._session.pipeline)
        self._answers = Answers(self, self.parameters, self._outputs, self._health)
        self._health.not_installed(self._outputs.missing)
        self._solver = Worker(self._solve, self._worker_error, "scorehoi_solver")
        self._watcher = Worker(self._watch, self._worker_error, "scorehoi_watcher")
        settle()

    def _activate(self) -> None:
        assert self._watcher is not None
        settings, submit = self.parameters, self._watcher.submit
        self._inputs = Inputs(self, settings.node, settings.inputs, submit, self._health)
        log.info("waiting for images on %s", self._inputs.image_topic)

    def _deactivate(self) -> None:
        self._unsubscribe()
        if self._watcher is not None and self._solver is not None and self._session is not None:
            # in this order nothing comes after the reset
            if not self._watcher.drain(DRAIN_S):
                raise RuntimeError(f"the frame in progress takes longer than {DRAIN_S:.0f} s")
            self._solver.post(self._publish_rest)
            self._solver.post(self._session.reset)
            if not self._solver.drain(DRAIN_S):
                raise RuntimeError(f"the frame in progress takes longer than {DRAIN_S:.0f} s")

    def _unsubscribe(self) -> None:
        if self._inputs is not None:
            self._inputs.destroy()
        self._inputs = None

    def _release(self) -> None:
        self._unsubscribe()
        self._post(self._publish_rest)
        for worker in (self._watcher, self._solver):
            if worker is not None and not worker.stop(DRAIN_S):
                log.error("the frame in progress did not end within %.0f s", DRAIN_S)
        if self._looker is not None:
            self._looker.shutdown(cancel_futures=True)
        if self._session is not None:
            self._session.close()
        if self._outputs is not None:
            self._outputs.destroy()
        self._watcher = self._solver = self._looker = self._session = self._outputs = self._answers = None
        unsettle()

    # -- executor thread

    def _post(self, command: Command) -> bool:
        """Run a command in the solver's thread; False when there is none."""
        if self._solver is not None:
            self._solver.post(command)
        return self._solver is not None

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._session is not None and self._post(self._session.reset)
        response.message = (
            "the next frame starts afresh" if response.success else "the node is not configured"
        )
        return response

    def _settings_changed(self) -> None:
        self._post(lambda: self._rebuild(self.parameters.pipeline.object))

    def _tick(self) -> None:
        s, settings, now_s = self._health.snapshot(), self.parameters.node, time.monotonic()
        topic = self.resolve_topic_name(image_topic(self, settings))
        if self._answers is not None and self._answers.silent:
            self._post(self._publish_rest)
        workers = [worker for worker in (self._watcher, self._solver) if worker is not None]
        busy = any(worker.busy for worker in workers)
        reasons = advice(s, now_s, topic, lambda: published_image_topics(self), busy)
        for key, text in reasons.items():
            if self._throttle.allows(key, now_s, settings.warn_period_s):
                log.warning("%s", text)
        counts = joined([worker.counts() for worker in workers])
        dropped = counts.dropped + s.too_old
        counters = {"in_per_s": s.images, "out_per_s": s.results, "dropped_per_s": dropped}
        rates = self._rates.add(now_s, counters | {"lost_per_s": s.lost})
        self._health.problem("lost", lost_text(rates, topic))
        name, time_message = self.get_fully_qualified_name(), self.get_clock().now().to_msg()
        self._diagnostics.publish(diagnostic_array(name, time_message, s, counts, reasons, rates))

    # -- watcher's thread

    def _watch(self, bundle: Bundle) -> None:
        session, solver, inputs = self._session, self._solver, self._inputs
        if session is None or solver is None or inputs is None:
            return
        settings, age = self.parameters.node, node_age(self, bundle)
        if settings.max_age_s and not age.from_arrival and age.ms > 1e3 * settings.max_age_s:
            self._health.too_old()
            return
        frame = inputs.hall.frame(bundle, time.monotonic_ns(), str(bundle.stamp_ns))
        if frame is None:
            inputs.hold(bundle)
            return
        began_s = time.monotonic()
        solver.submit(_Watched(bundle, session.glimpse(frame)))
        # A glimpse that the solver has no time for costs as much as one that it has.
        solver.await_room(time.monotonic() - began_s, DRAIN_S)

    # -- solver's thread

    def _solve(self, watched: _Watched) -> None:
        session, answers, inputs = self._session, self._answers, self._inputs
        if session is None or answers is None or inputs is None:
            return
        result = session.reconstruct(watched.sight)
        self._health.problem("gap", session.warning)
        self._health.problem("masks", session.mask_warning)
        answers.take(result, watched.bundle, inputs.hall, session)

    def _publish_rest(self) -> None:
        if self._session is not None and self._answers is not None:
            self._answers.rest(self._session)

    def _rebuild(self, object_spec: str) -> None:
        if self._session is not None and self._outputs is not None:
            config = self.parameters.pipeline.looking_for(object_spec)
            self._session.rebuild(config)
            self._outputs.describe(self._session.pipeline)

    def _prompt(self, prompt: Prompt | None, object_spec: str) -> str:
        """What went wrong, empty when nothing did."""
        if self._session is None:
            return "the node was cleaned up meanwhile."
        try:
            if object_spec:
                self._rebuild(object_spec)
        except ScorehoiError as error:
            return str(error)
        except Exception as error:
            log.exception("cannot change the object to %s", object_spec)
            return f"internal error: {error!r}"
        if prompt is not None:
            self._session.set_prompt(prompt)
        return ""

    def _worker_error(self, error: Exception) -> None:
        log.error("%s", error, exc_info=None if isinstance(error, ScorehoiError) else error)
