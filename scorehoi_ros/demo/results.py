"""Recorded messages back as reconstructions, each with the stamp that its image has in the clip."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.demo.processes import RESULTS_TOPIC, Recording
from scorehoi_ros.geometry.rigid import make_transform
from scorehoi_ros.io.bags.message_types import typestore
from scorehoi_ros.io.bags.storage import open_storage
from scorehoi_ros.messages.factory import stamp_ns
from scorehoi_ros.types import (
    Camera,
    Contacts,
    Floats,
    Floor,
    HumanState,
    ObjectState,
    Reconstruction,
    Status,
)


@dataclass(frozen=True)
class Result:
    """One message of the node."""

    reconstruction: Reconstruction
    """Its stamp is that of the clip."""
    age_ms: float
    """Image published to result published, as the node says."""
    latency_ms: float | None
    """Image published by the player to result received by the recorder; None in lockstep, where images keep
    the stamps of the clip and so do not say when they were published."""


def read_results(recording: Recording, width: int, height: int) -> list[Result]:
    """Results in the clip's order; images are `width` by `height` pixels."""
    results = list(_results(recording, width, height))
    return sorted(results, key=lambda r: r.reconstruction.stamp_ns)


def _results(recording: Recording, width: int, height: int) -> Iterator[Result]:
    for raw in open_storage(Path(recording.path)).read(frozenset({RESULTS_TOPIC})):
        message = typestore().deserialize_cdr(raw.data, raw.type_name)
        published = stamp_ns(message.header.stamp)
        if published not in recording.stamps:
            continue
        r = reconstruction(message, recording.stamps[published], width, height)
        dated = recording.stamps[published] != published
        yield Result(r, float(message.age_ms), (raw.log_ns - published) * 1e-6 if dated else None)


def reconstruction(message: Any, stamp: int, width: int, height: int) -> Reconstruction:
    """A scorehoi_ros/Interaction as the pipeline's own type; what a message does not carry stays empty."""
    camera = Camera(np.reshape(message.k, (3, 3)), width, height, source=message.camera_source)
    return Reconstruction(
        stamp_ns=stamp,
        frame_id=message.header.frame_id,
        name=str(stamp),
        camera=camera,
        status=Status(message.status),
        message=message.message,
        humans=tuple(map(_human, message.humans)),
        objects=tuple(map(_object, message.objects)),
        contacts=tuple(map(_contacts, message.contacts)),
        floor=_floor(message),
        quality={"warm": float(message.warm)},
        stage_ms=dict(zip(message.stage_names, (float(ms) for ms in message.stage_ms), strict=True)),
    )


def _human(m: Any) -> HumanState:
    return HumanState(
        id=m.id,
        status=Status(m.status),
        confidence=float(m.confidence),
        betas=np.asarray(m.betas, np.float64),
        pose=np.reshape(m.pose, (-1, 3)).astype(np.float64),
        root=_position(m.root.position),
        joints=np.reshape(m.joints, (-1, 3)).astype(np.float64),
        vertices=np.reshape(m.vertices, (-1, 3)).astype(np.float32),
    )


def _object(m: Any) -> ObjectState:
    pose, q = m.pose.pose, m.pose.pose.orientation
    R = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()
    return ObjectState(
        id=m.id,
        status=Status(m.status),
        confidence=float(m.confidence),
        label=m.class_name,
        template_id=m.template_id,
        T_cam_object=make_transform(R, _position(pose.position)),
        covariance=np.reshape(m.pose.covariance, (6, 6)),
    )


def _contacts(m: Any) -> Contacts:
    def points(values: Any) -> Floats:
        return np.reshape(values, (-1, 3)).astype(np.float64)

    return Contacts(
        human_vertices=np.asarray(m.human_vertices, np.int32),
        human_probabilities=np.asarray(m.human_probabilities, np.float64),
        body_parts=tuple(m.body_parts),
        object_points=points(m.object_points),
        object_probabilities=np.asarray(m.object_probabilities, np.float64),
        floor_points=points(m.floor_points),
        floor_probabilities=np.asarray(m.floor_probabilities, np.float64),
        human_id=m.human_id,
        object_id=m.object_id,
        source=m.source,
    )


def _floor(m: Any) -> Floor | None:
    plane = np.asarray(m.floor_plane, np.float64)
    if not plane[:3].any():
        return None
    return Floor(plane[:3], float(plane[3]), "estimated" if m.floor_is_guess else "gravity")


def _position(p: Any) -> Floats:
    return np.array([p.x, p.y, p.z], np.float64)
