"""The service ~/set_object_prompt: where the object is, or which object it is."""

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from rclpy.task import Future

from scorehoi_ros.config.pipeline import parse_box
from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.srv import SetObjectPrompt
from scorehoi_ros.types import Prompt

if TYPE_CHECKING:
    from scorehoi_ros.ros.node import ReconstructNode

log = logging.getLogger(__name__)


class PromptService:
    """Hands prompts to the worker and answers when it has taken them, without blocking the executor."""

    def __init__(self, node: "ReconstructNode") -> None:
        self._node = node
        node.create_service(SetObjectPrompt, "~/set_object_prompt", self._handle)

    async def _handle(
        self, request: SetObjectPrompt.Request, response: SetObjectPrompt.Response
    ) -> SetObjectPrompt.Response:
        response.message = await self._answer(request)
        response.success = not response.message
        if response.success and request.object:
            self._node.parameters.object_replaced(request.object)
        return response

    async def _answer(self, request: SetObjectPrompt.Request) -> str:
        worker = self._node.worker
        if worker is None:
            return "the node is not configured; configure and activate it first."
        try:
            prompt = parse_prompt(list(request.box), list(request.points), bool(request.object))
        except InputError as error:
            return str(error)
        done: Future = Future(executor=self._node.executor)
        worker.post(lambda: done.set_result(self._apply(prompt, request.object)))
        return str(await done)

    def _apply(self, prompt: Prompt | None, object_spec: str) -> str:
        """In the worker thread: what went wrong, empty when nothing did."""
        session, outputs = self._node.session, self._node.outputs
        if session is None or outputs is None:
            return "the node was cleaned up meanwhile."
        try:
            if object_spec:
                session.rebuild(dataclasses.replace(session.config, object=object_spec))
                outputs.describe(session, self._node.parameters.node)
        except ScorehoiError as error:
            return str(error)
        except Exception as error:
            log.exception("cannot change the object to %s", object_spec)
            return f"internal error: {error!r}"
        if prompt is not None:
            session.set_prompt(prompt)
        return ""


def parse_prompt(box: list[float], points: list[float], may_be_empty: bool) -> Prompt | None:
    """Prompt of a request; None when it is empty and may be; raises InputError with what is expected."""
    if not box and not points:
        if may_be_empty:
            return None
        raise InputError("the request is empty. Give box (x0 y0 x1 y1), points (x y ...), or object.")
    return Prompt(box=parse_box(box) if box else None, points=_points(points))


def _points(values: list[float]) -> Any:
    if not values:
        return None
    if len(values) % 2 or not np.isfinite(values).all():
        raise InputError(f"points must be pairs of finite pixel coordinates x y. Got {values}.")
    return np.array(values, np.float64).reshape(-1, 2)
