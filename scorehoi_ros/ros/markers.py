"""RViz and Foxglove markers; costly in Python, so they are built only for subscribers."""

from typing import Any

import numpy as np
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from scorehoi_ros.geometry.decimate import coarse_faces
from scorehoi_ros.messages.builders import is_present
from scorehoi_ros.messages.builders import pose as pose_message
from scorehoi_ros.ros.factory import ros_message
from scorehoi_ros.types import Contacts, Floats, HumanState, ObjectState, Reconstruction

HUMAN_TRIANGLES = 1500
OBJECT_TRIANGLES = 1000
HUMAN_COLOUR = (0.66, 0.75, 0.95, 0.8)
BONE_COLOUR = (0.2, 0.35, 0.8, 1.0)
OBJECT_COLOUR = (0.99, 0.78, 0.42, 1.0)
CONTACT_COLOUR = (0.93, 0.15, 0.24, 1.0)


class MarkerBuilder:
    """Makes the MarkerArray of a frame: mesh, skeleton, object and contacts, each in its own namespace."""

    def __init__(self, body: Any, template: Any | None, mesh_resource: str = "") -> None:
        self._faces = coarse_faces(body.v_template, body.faces, HUMAN_TRIANGLES)
        parents = np.asarray(body.parents)
        self._bones = np.array([(p, j) for j, p in enumerate(parents) if p >= 0]).reshape(-1)
        self._mesh_resource = mesh_resource
        self._object_points = _object_points(template) if not mesh_resource else []

    def build(self, r: Reconstruction, header: Header) -> MarkerArray:
        """Markers of what the frame shows; whatever it does not show is deleted."""
        human = r.human if r.human is not None and is_present(r.human.status) else None
        state = r.object if r.object is not None and is_present(r.object.status) else None
        return MarkerArray(
            markers=[
                *self._human(human, header),
                self._object(state, header),
                _contacts(human, r.contacts, header),
            ]
        )

    def _human(self, human: HumanState | None, header: Header) -> list[Marker]:
        if human is None:
            return [_delete("human", header), _delete("skeleton", header)]
        mesh = _delete("human", header)
        if len(human.vertices):
            mesh = _marker("human", Marker.TRIANGLE_LIST, header, HUMAN_COLOUR)
            mesh.points = _points(human.vertices[self._faces.reshape(-1)])
        skeleton = _marker("skeleton", Marker.LINE_LIST, header, BONE_COLOUR, scale=0.015)
        skeleton.points = _points(human.joints[self._bones])
        return [mesh, skeleton]

    def _object(self, state: ObjectState | None, header: Header) -> Marker:
        if state is None or not (self._mesh_resource or self._object_points):
            return _delete("object", header)
        kind = Marker.MESH_RESOURCE if self._mesh_resource else Marker.TRIANGLE_LIST
        marker = _marker("object", kind, header, OBJECT_COLOUR)
        marker.pose = pose_message(state.T_cam_object, ros_message)
        marker.mesh_resource = self._mesh_resource
        marker.points = self._object_points
        return marker


def _contacts(human: HumanState | None, contacts: Contacts | None, header: Header) -> Marker:
    if human is None or contacts is None or not len(contacts.human_vertices) or not len(human.vertices):
        return _delete("contacts", header)
    marker = _marker("contacts", Marker.POINTS, header, CONTACT_COLOUR, scale=0.01)
    marker.points = _points(human.vertices[contacts.human_vertices])
    return marker


def _object_points(template: Any | None) -> list[Point]:
    if template is None:
        return []
    mesh = template.mesh
    faces = coarse_faces(mesh.vertices, mesh.faces, OBJECT_TRIANGLES)
    return _points(np.asarray(mesh.vertices)[faces.reshape(-1)])


def _points(values: Floats) -> list[Point]:
    return [Point(x=x, y=y, z=z) for x, y, z in np.asarray(values, np.float64).tolist()]


def _marker(
    namespace: str, kind: int, header: Header, colour: tuple[float, ...], *, scale: float = 1.0
) -> Marker:
    marker = Marker(header=header, ns=namespace, type=kind, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    marker.scale.x = marker.scale.y = marker.scale.z = scale
    r, g, b, a = colour
    marker.color = ColorRGBA(r=r, g=g, b=b, a=a)
    return marker


def _delete(namespace: str, header: Header) -> Marker:
    return Marker(header=header, ns=namespace, action=Marker.DELETE)
