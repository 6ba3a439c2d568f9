"""Requests for a lifecycle transition that the present state does not have."""

import logging
from typing import Any

from rclpy.lifecycle import LifecycleNode

log = logging.getLogger(__name__)


def refuse_impossible_transitions(node: LifecycleNode) -> None:
    """Answer success = false to them; rclpy raises through its executor instead, which would end the node.

    The caller would also wait in vain for an answer.  Such requests are common: two lifecycle managers, or
    one that starts again while the node is active.
    """
    service = node._service_change_state
    change = service.callback

    def answer(request: Any, response: Any) -> Any:
        try:
            return change(request, response)
        except RuntimeError as error:  # rclpy's RCLError
            log.warning(
                "transition %s is not possible from the present state (%s)",
                request.transition.label or request.transition.id,
                str(error).split(", at /")[0],
            )
            response.success = False
            return response

    service.callback = answer
