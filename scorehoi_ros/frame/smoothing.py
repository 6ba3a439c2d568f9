"""Answers smoothed over time, at the price of a stated delay: less jitter, and errors that average out.

Each answer becomes the value, at its time, of a line through the answers around it: local linear regression
with weights that fall to zero at `window_s` (Cleveland 1979), for rotations in the tangent space at the
answer.  A line, not a mean, so that what moves does not fall behind where a track begins or ends.  An object
moves no farther than its covariance explains.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from scorehoi_ros.body.posed import pose_matrices
from scorehoi_ros.geometry.rigid import object_transform
from scorehoi_ros.geometry.turns import matrix_of_6d, matrix_of_vector, six_of_matrix, vector_of_matrix
from scorehoi_ros.types import Estimate, Floats, HumanPose, ObjectPose, Reconstruction

Item = TypeVar("Item")

MeshOf = Callable[[HumanPose], tuple[Floats, Floats]]
"""Vertices (V, 3) and joints (52, 3) of a pose, in the camera frame."""
MOST_SIGMAS = 1.0
"""Standard deviations by which an object is moved at most, along each axis of its covariance."""
FLIP_RAD = np.radians(40.0)
"""Of a body or an object that is turned by more, two answers are of different minds: no mean of both."""


@dataclass(frozen=True)
class Passed:
    """What smoothing needs to know of an answer."""

    time_ns: int
    """Of the track."""
    human_id: str
    object_id: str
    estimate: Estimate
    """Without the parts that are not there."""


class Smoother(Generic[Item]):
    """Holds answers back until those of `window_s` after them are there; items travel with them.

    `passed` is what a smoother of before knew: of earlier answers, which have left.
    """

    def __init__(self, window_s: float, passed: Sequence[Passed] = ()) -> None:
        self.window_s = window_s
        self._passed = deque(passed)
        self._waiting: deque[tuple[Reconstruction, Item]] = deque()
        self._left_ns: int | None = passed[-1].time_ns if passed else None

    def take(self, r: Reconstruction, item: Item, mesh_of: MeshOf) -> Iterator[tuple[Reconstruction, Item]]:
        """One more answer -> those whose time has come, in the order in which they were taken.

        A window of 0 hands every answer on as it is.  Where time goes back by more than the window (a bag
        that starts again) nothing is waited for.
        """
        if (
            self._passed
            and r.track_ns is not None
            and r.track_ns < self._passed[-1].time_ns - self._window_ns
        ):
            yield from self.rest(mesh_of)
        self._waiting.append((r, item))
        if self.window_s and r.track_ns is not None:
            self._passed.append(_passed(r, r.track_ns))
        while self._waiting and not self._early(self._waiting[0][0]):
            yield self._next(mesh_of)

    def rest(self, mesh_of: MeshOf) -> Iterator[tuple[Reconstruction, Item]]:
        """Those that wait, as well as they can be smoothed now; what comes then is a new beginning."""
        while self._waiting:
            yield self._next(mesh_of)
        self._passed.clear()
        self._left_ns = None

    @property
    def known(self) -> tuple[Passed, ...]:
        """What another smoother has to be given to go on after the answer that left last."""
        left_ns = self._left_ns
        return () if left_ns is None else tuple(p for p in self._passed if p.time_ns <= left_ns)

    def _early(self, r: Reconstruction) -> bool:
        """Answers that it is to be smoothed with may still come."""
        if not self._passed or r.track_ns is None:
            return False
        return self._passed[-1].time_ns < r.track_ns + self._window_ns

    def _next(self, mesh_of: MeshOf) -> tuple[Reconstruction, Item]:
        r, item = self._waiting.popleft()
        if r.track_ns is None or not self.window_s:
            return r, item
        while self._passed[0].time_ns < r.track_ns - self._window_ns:
            self._passed.popleft()
        self._left_ns = r.track_ns
        return smoothed(r, self._passed, self.window_s, mesh_of), item

    @property
    def _window_ns(self) -> int:
        return round(1e9 * self.window_s)


def smoothed(r: Reconstruction, around: Sequence[Passed], window_s: float, mesh_of: MeshOf) -> Reconstruction:
    """An answer smoothed over `around`, which may hold itself, and tells so in its quality.

    Poses and meshes change; shape, contacts, covariance and what was measured stay as they were.
    """
    if r.estimate is None or r.track_ns is None:
        return r
    estimate, humans, objects = r.estimate, r.humans, r.objects
    weights = [(p, max(0.0, 1 - abs(_seconds(p, r)) / window_s)) for p in around]
    near = [(p, weight) for p, weight in weights if weight > 0]
    if estimate.human is not None:
        told = [(p, w, p.estimate.human) for p, w in near if p.human_id == humans[0].id]
        theta, t_cam = _line(
            pose_matrices(estimate.human),
            [_Near(_seconds(p, r), w, pose_matrices(h), h.t_cam) for p, w, h in told if h is not None],
        )
        pose = replace(estimate.human, theta=six_of_matrix(theta), t_cam=t_cam)
        vertices, joints = mesh_of(pose)
        person = replace(
            humans[0],
            pose=vector_of_matrix(theta),
            root=t_cam,
            joints=joints,
            vertices=vertices.astype(np.float32),
        )
        estimate, humans = replace(estimate, human=pose), (person, *humans[1:])
    if estimate.object is not None:
        found = [(p, w, p.estimate.object) for p, w in near if p.object_id == objects[0].id]
        R, origin = _line(
            matrix_of_6d(estimate.object.R_o[None]),
            [
                _Near(_seconds(p, r), w, matrix_of_6d(o.R_o[None]), o.origin)
                for p, w, o in found
                if o is not None
            ],
        )
        place = _within(estimate.object, R[0], origin, objects[0].covariance)
        thing = replace(objects[0], T_cam_object=object_transform(place))
        estimate, objects = replace(estimate, object=place), (thing, *objects[1:])
    quality = r.quality | {"smoothing_ms": 1e3 * window_s}
    return replace(r, estimate=estimate, humans=humans, objects=objects, quality=quality)


class _Near(NamedTuple):
    """An answer about the same body."""

    seconds: float
    """After the one that is smoothed."""
    weight: float
    rotations: Floats
    """(J, 3, 3), first that of the whole."""
    point: Floats
    """(3,)"""


def _line(rotations: Floats, near: Sequence[_Near]) -> tuple[Floats, Floats]:
    """Rotations (J, 3, 3) and point (3,) on the line through those `near`, of which one has `rotations`."""
    turns = [vector_of_matrix(rotations.swapaxes(-1, -2) @ other.rotations) for other in near]
    alike = [(n, turn) for n, turn in zip(near, turns, strict=True) if np.linalg.norm(turn[0]) < FLIP_RAD]
    dt, weights = (np.array([n[part] for n, _ in alike]) for part in (0, 1))
    turn = _at_zero(dt, weights, np.stack([turn for _, turn in alike]))
    point = _at_zero(dt, weights, np.stack([n.point for n, _ in alike]))
    return rotations @ matrix_of_vector(turn), point


def _within(pose: ObjectPose, R: Floats, origin: Floats, covariance: Floats) -> ObjectPose:
    """The pose moved towards R (3, 3) and origin (3,), not farther than its `covariance` (6, 6) explains.

    A ball that bounces is no noise: across the view its place is known well.
    """
    before = matrix_of_6d(pose.R_o)
    step = np.concatenate((origin - pose.origin, vector_of_matrix(R @ before.T)))
    variances, axes = np.linalg.eigh(covariance)
    most = MOST_SIGMAS * np.sqrt(np.maximum(variances, 0.0))
    step = axes @ np.clip(axes.T @ step, -most, most)
    return ObjectPose(six_of_matrix(matrix_of_vector(step[3:]) @ before), pose.origin + step[:3])


def _at_zero(dt: Floats, weights: Floats, values: Floats) -> Floats:
    """Value at time 0 of the weighted regression line through values (n, ...) at times (n,)."""
    share = weights / weights.sum()
    middle, mean = share @ dt, np.tensordot(share, values, 1)
    spread = share @ (dt - middle) ** 2
    if spread == 0:
        return np.asarray(mean)
    slope = np.tensordot(share * (dt - middle), values, 1) / spread
    return np.asarray(mean - slope * middle)


def _seconds(p: Passed, r: Reconstruction) -> float:
    assert r.track_ns is not None
    return 1e-9 * (p.time_ns - r.track_ns)


def _passed(r: Reconstruction, time_ns: int) -> Passed:
    human, thing = r.human, r.object
    return Passed(
        time_ns,
        "" if human is None else human.id,
        "" if thing is None else thing.id,
        r.estimate or Estimate(),
    )
