"""Transforms between frames from tf2_msgs/TFMessage, at a time or the newest, and gravity; needs no tf2."""

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.frame.clock import DISORDER_NS
from scorehoi_ros.geometry.rigid import invert_transform, make_transform
from scorehoi_ros.messages.factory import stamp_ns
from scorehoi_ros.types import Floats

KEEP_NS = 10_000_000_000
"""Moving transforms are kept for as long as tf2 keeps them."""
HOLD_NS = 100_000_000
"""How far behind a moving transform may be and still be taken: it often comes later than the image."""
MAX_FRAMES = 1000
"""Names come and go on /tf; above this many those that were not heard of for longest are let go."""
_DOWN = np.array([0.0, 0.0, -1.0])


@dataclass
class _Link:
    """From a child frame to its parent: (stamp, T_parent_child) in order of stamps; one if it is static."""

    parent: str
    static: bool
    poses: list[tuple[int, Floats]] = field(default_factory=list)

    def add(self, stamp: int, T: Floats) -> None:
        """Take one in; a repeated stamp replaces, stamps that go far back start afresh (bag loop)."""
        if self.static or (self.poses and stamp < self.poses[-1][0] - DISORDER_NS):
            self.poses.clear()
        place = bisect_left(self.poses, stamp, key=_stamp)
        if place < len(self.poses) and self.poses[place][0] == stamp:
            del self.poses[place]
        self.poses.insert(place, (stamp, T))
        while self.poses[0][0] < self.poses[-1][0] - KEEP_NS:
            del self.poses[0]

    def at(self, stamp: int | None) -> Floats | None:
        """T_parent_child at a time, None = newest; None when that time is not known."""
        newest_stamp, newest = self.poses[-1]
        if stamp is None or self.static or stamp == newest_stamp:
            return newest
        if stamp > newest_stamp:
            return newest if stamp - newest_stamp <= HOLD_NS else None
        after = bisect_left(self.poses, stamp, key=_stamp)
        if self.poses[after][0] == stamp:
            return self.poses[after][1]
        return _between(self.poses[after - 1], self.poses[after], stamp) if after else None


class TfTree:
    """Keeps what was heard of each child frame; may be asked in another thread than the one that updates."""

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}
        self._lock = threading.Lock()

    def update(self, message: Any, static: bool = False) -> None:
        """Take a tf2_msgs/TFMessage, `static` = of /tf_static; one that is not finite is left out."""
        with self._lock:
            for t in message.transforms:
                T = _matrix(t.transform)
                if T is not None:
                    self._add(_name(t.child_frame_id), _name(t.header.frame_id), static).add(
                        stamp_ns(t.header.stamp), T
                    )

    def gravity(self, camera_frame: str, up_frame: str) -> Floats | None:
        """(3,) unit, gravity in the camera frame, where z of `up_frame` points up; None = not known.

        By the newest transforms; their stamps are not looked at.
        """
        T = self.transform(camera_frame, up_frame, None)
        return None if T is None else T[:3, :3] @ _DOWN

    def transform(self, target: str, source: str, stamp: int | None) -> Floats | None:
        """T_target_source (4, 4) at a time in nanoseconds, None = newest; None = not known then.

        Between two transforms of a link it is interpolated; up to `HOLD_NS` after the newest that is taken.
        """
        with self._lock:
            of_source = self._to_root(_name(source), stamp)
            of_target = self._to_root(_name(target), stamp)
        shared = next((frame for frame in of_source if frame in of_target), None)
        if shared is None:
            return None
        T: Floats = invert_transform(of_target[shared]) @ of_source[shared]
        return T

    def _add(self, child: str, parent: str, static: bool) -> _Link:
        """The link of a child, the last in the order of news."""
        link = self._links.pop(child, None)
        if link is None or (link.parent, link.static) != (parent, static):
            link = _Link(parent, static)
        self._links[child] = link
        if len(self._links) > MAX_FRAMES:
            oldest = next((name for name, other in self._links.items() if not other.static), child)
            del self._links[oldest]
        return link

    def _to_root(self, frame: str, stamp: int | None) -> dict[str, Floats]:
        """T_ancestor_frame of the frame itself and each ancestor, nearest first; ends at a loop."""
        result = {frame: np.eye(4)}
        while frame in self._links:
            link = self._links[frame]
            T_parent_frame = link.at(stamp)
            if T_parent_frame is None or link.parent in result:
                break
            result[link.parent] = T_parent_frame @ result[frame]
            frame = link.parent
        return result


def _matrix(transform: Any) -> Floats | None:
    """T_parent_child of a geometry_msgs/Transform; None when it is none."""
    p, q = transform.translation, transform.rotation
    place, turn = np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w])
    if not (np.isfinite(place).all() and np.isfinite(turn).all()) or np.linalg.norm(turn) < 1e-6:
        return None
    return make_transform(Rotation.from_quat(turn).as_matrix(), place)


def _between(before: tuple[int, Floats], after: tuple[int, Floats], stamp: int) -> Floats:
    """Straight on in place, about one axis in rotation."""
    (t0, T0), (t1, T1) = before, after
    share = (stamp - t0) / (t1 - t0)
    turn = share * Rotation.from_matrix(T0[:3, :3].T @ T1[:3, :3]).as_rotvec()
    R = T0[:3, :3] @ Rotation.from_rotvec(turn).as_matrix()
    return make_transform(R, (1 - share) * T0[:3, 3] + share * T1[:3, 3])


def _stamp(pose: tuple[int, Floats]) -> int:
    return pose[0]


def _name(frame: str) -> str:
    return frame.lstrip("/")
