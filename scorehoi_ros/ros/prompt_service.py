"""The service ~/set_object_prompt: where the object is, or which object it is."""

from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.task import Future

from scorehoi_ros.config.pipeline import parse_box
from scorehoi_ros.errors import InputError
from scorehoi_ros.srv import SetObjectPrompt
from scorehoi_ros.types import Prompt

Post = Callable[[Callable[[], None]], bool]
"""Runs a command in the worker thread; False when there is none."""
Apply = Callable[[Prompt | None, str], str]
"""Takes a prompt and the new object, either may be missing; answers what went wrong, if anything did."""


class PromptService:
    """Hands prompts to the worker and answers when it has taken them, without blocking the executor.

    `apply` runs in the worker thread; `replaced` is told of an object that has been taken.
    """

    def __init__(self, node: Node, post: Post, apply: Apply, replaced: Callable[[str], None]) -> None:
        self._node, self._post, self._apply, self._replaced = node, post, apply, replaced
        node.create_service(SetObjectPrompt, "~/set_object_prompt", self._handle)

    async def _handle(
        self, request: SetObjectPrompt.Request, response: SetObjectPrompt.Response
    ) -> SetObjectPrompt.Response:
        response.message = await self._answer(request)
        response.success = not response.message
        if response.success and request.object:
            self._replaced(request.object)
        return response

    async def _answer(self, request: SetObjectPrompt.Request) -> str:
        try:
            given = (list(request.box), list(request.points), list(request.background))
            prompt = parse_prompt(*given, bool(request.object))
        except InputError as error:
            return str(error)
        done: Future = Future(executor=self._node.executor)
        if not self._post(lambda: done.set_result(self._apply(prompt, request.object))):
            return "the node is not configured; configure and activate it first."
        return str(await done)


def parse_prompt(
    box: list[float], points: list[float], background: list[float], may_be_empty: bool
) -> Prompt | None:
    """Prompt of a request; None when it is empty and may be; raises InputError with what is expected."""
    if not box and not points:
        if background:
            raise InputError("background points alone say nothing. Give a box (x0 y0 x1 y1) or points too.")
        if may_be_empty:
            return None
        raise InputError("the request is empty. Give box (x0 y0 x1 y1), points (x y ...), or object.")
    return Prompt(box=parse_box(box) if box else None, points=_points(points), background=_points(background))


def _points(values: list[float]) -> Any:
    if not values:
        return None
    if len(values) % 2 or not np.isfinite(values).all():
        raise InputError(f"points must be pairs of finite pixel coordinates x y. Got {values}.")
    return np.array(values, np.float64).reshape(-1, 2)
