"""Recorded messages back as reconstructions, each with the stamp that its image has in the clip."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.demo.processes import RESULTS_TOPIC, Recording
from scorehoi_ros.geometry.rigid import make_transform
from scorehoi_ros.io.bag_storage import open_storage
from scorehoi_ros.io.message_types import typestore
from scorehoi_ros.messages.builders import is_present, stamp_ns
from scorehoi_ros.types import (
    Camera,
    Contacts,
    Floats,
    Floor,
    HumanState,
    Ints,
    ObjectState,
    Reconstruction,
    Status,
)

PROBABLE = 0.5


@dataclass(frozen=True)
class Result:
    """One message of the node."""

    reconstruction: Reconstruction
    """Its stamp is that of the clip."""
    age_ms: float
    """Image published to result published, as the node says."""
    latency_ms: float
    """Image published by the player to result received by the recorder."""
    touching: Ints
    """(n,) int, human vertices whose contact is more probable than not."""


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
        probable = np.asarray(message.contacts.human_probabilities) > PROBABLE
        touching = np.asarray(message.contacts.human_vertices, np.int64)[probable]
        yield Result(r, float(message.age_ms), (raw.log_ns - published) * 1e-6, touching)


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
        human=_human(message.human),
        object=_object(message.object),
        contacts=_contacts(message.contacts),
        floor=_floor(message.contacts),
        stage_ms=dict(zip(message.stage_names, (float(ms) for ms in message.stage_ms), strict=True)),
    )


def _human(m: Any) -> HumanState | None:
    if not is_present(Status(m.status)):
        return None
    return HumanState(
        Status(m.status),
        float(m.confidence),
        np.asarray(m.betas, np.float64),
        np.reshape(m.pose, (-1, 3)).astype(np.float64),
        _position(m.root.position),
        np.reshape(m.joints, (-1, 3)).astype(np.float64),
        np.reshape(m.vertices, (-1, 3)).astype(np.float32),
    )


def _object(m: Any) -> ObjectState | None:
    if not m.class_name:
        return None
    pose, q = m.pose.pose, m.pose.pose.orientation
    R = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()
    T = make_transform(R, _position(pose.position))
    covariance = np.reshape(m.pose.covariance, (6, 6))
    return ObjectState(Status(m.status), float(m.confidence), m.class_name, m.id, T, covariance)


def _contacts(m: Any) -> Contacts:
    def points(values: Any) -> Floats:
        return np.reshape(values, (-1, 3)).astype(np.float64)

    return Contacts(
        np.asarray(m.human_vertices, np.int32),
        np.asarray(m.human_probabilities, np.float64),
        tuple(m.body_parts),
        points(m.object_points),
        np.asarray(m.object_probabilities, np.float64),
        points(m.floor_points),
        np.asarray(m.floor_probabilities, np.float64),
    )


def _floor(m: Any) -> Floor | None:
    plane = np.asarray(m.floor_plane, np.float64)
    if not plane[:3].any():
        return None
    return Floor(plane[:3], float(plane[3]), "guess" if m.floor_is_guess else "gravity")


def _position(p: Any) -> Floats:
    return np.array([p.x, p.y, p.z], np.float64)
