"""visualization_msgs markers of a reconstruction, so that RViz and Foxglove show it as it is.

Costly in Python (a few thousand points a person): the node makes them for subscribers only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scorehoi_ros.geometry.decimate import coarse_faces
from scorehoi_ros.messages.factory import Factory, header, transform_pose
from scorehoi_ros.types import Floats, Reconstruction

HUMAN_TRIANGLES = 1500
OBJECT_TRIANGLES = 1000
MAX_SPHERES = 200
HUMAN_COLOUR = (0.66, 0.75, 0.95, 0.8)
BONE_COLOUR = (0.2, 0.35, 0.8, 1.0)
OBJECT_COLOUR = (0.99, 0.78, 0.42, 1.0)
CONTACT_COLOUR = (0.93, 0.15, 0.24, 1.0)
BONE_M, SPHERE_M = 0.015, 0.015
NAMESPACES = ("human", "skeleton", "object", "contacts")
LINE_LIST, SPHERE_LIST, MESH_RESOURCE, TRIANGLE_LIST = 5, 7, 10, 11
ADD, DELETE = 0, 2


@dataclass(frozen=True)
class _Shape:
    """What varies between our markers."""

    namespace: str
    id: int
    """Place of the person, object or contact in the reconstruction's list."""
    kind: int = TRIANGLE_LIST
    points: list[Any] = field(default_factory=list)
    """geometry_msgs/Point, in the frame that `transform` moves."""
    colour: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    scale: float = 1.0
    transform: Floats = field(default_factory=lambda: np.eye(4))
    mesh_resource: str = ""


class MarkerBuilder:
    """Makes the MarkerArray of a frame; the fixed frame is the camera's optical frame, no TF is needed.

    One namespace for each kind (`NAMESPACES`), one marker id for each person, object or contact in it.
    """

    def __init__(self, body: Any, template: Any | None, factory: Factory) -> None:
        """`body`: BodyModel; `template`: ObjectTemplate or None, see `set_template`."""
        self._factory = factory
        self._faces = coarse_faces(body.v_template, body.faces, HUMAN_TRIANGLES).reshape(-1)
        parents = np.asarray(body.parents)
        self._bones = np.array([(p, j) for j, p in enumerate(parents) if p >= 0]).reshape(-1)
        self._most = dict.fromkeys(NAMESPACES, 1)
        self.set_template(template)

    def set_template(self, template: Any | None) -> None:
        """The object to draw from now on; objects of other templates are not drawn."""
        self._template_id = template.template_id if template is not None else None
        self._object: list[Any] = []
        if template is not None:
            faces = coarse_faces(template.mesh.vertices, template.mesh.faces, OBJECT_TRIANGLES)
            self._object = self._factory.points(np.asarray(template.mesh.vertices)[faces.reshape(-1)])

    def build(self, r: Reconstruction, mesh_resource: str = "") -> Any:
        """visualization_msgs/MarkerArray of meshes, skeletons, objects and contacts; the rest is deleted.

        `mesh_resource`: URI of the template's mesh for viewers that load it; empty = triangles.  Everything
        that was ever shown and is not now is deleted again in every array, since a subscriber may miss one.
        """
        shapes = [*self._humans(r), *self._objects(r, mesh_resource), *self._contacts(r)]
        head = header(r.stamp_ns, r.frame_id, self._factory)
        there = {(shape.namespace, shape.id) for shape in shapes}
        for namespace, place in there:
            self._most[namespace] = max(self._most[namespace], place + 1)
        ever = ((namespace, place) for namespace in NAMESPACES for place in range(self._most[namespace]))
        markers = [self._marker(head, shape, ADD) for shape in shapes]
        markers += [self._marker(head, _Shape(*key), DELETE) for key in ever if key not in there]
        return self._factory("visualization_msgs/msg/MarkerArray", markers=markers)

    def _humans(self, r: Reconstruction) -> Iterator[_Shape]:
        for i, human in enumerate(r.humans):
            if not human.status.is_present:
                continue
            if len(human.vertices):
                points = self._factory.points(human.vertices[self._faces])
                yield _Shape("human", i, TRIANGLE_LIST, points, HUMAN_COLOUR)
            bones = self._factory.points(human.joints[self._bones])
            yield _Shape("skeleton", i, LINE_LIST, bones, BONE_COLOUR, BONE_M)

    def _objects(self, r: Reconstruction, mesh_resource: str) -> Iterator[_Shape]:
        kind, points = (MESH_RESOURCE, []) if mesh_resource else (TRIANGLE_LIST, self._object)
        for i, state in enumerate(r.objects):
            if state.status.is_present and state.template_id == self._template_id:
                T = state.T_cam_object
                yield _Shape("object", i, kind, points, OBJECT_COLOUR, 1.0, T, mesh_resource)

    def _contacts(self, r: Reconstruction) -> Iterator[_Shape]:
        """Spheres on at most `MAX_SPHERES` of the touching vertices."""
        humans = {human.id: human for human in r.humans if human.status.is_present}
        for i, contacts in enumerate(r.contacts):
            human = humans.get(contacts.human_id)
            if human is None or not len(human.vertices) or not len(contacts.human_vertices):
                continue
            step = -(-len(contacts.human_vertices) // MAX_SPHERES)
            points = self._factory.points(human.vertices[contacts.human_vertices[::step]])
            yield _Shape("contacts", i, SPHERE_LIST, points, CONTACT_COLOUR, SPHERE_M)

    def _marker(self, head: Any, shape: _Shape, action: int) -> Any:
        make, none = self._factory, np.zeros(0, np.uint8)
        size, (r, g, b, a) = shape.scale, shape.colour
        return make(
            "visualization_msgs/msg/Marker",
            header=head,
            ns=shape.namespace,
            id=shape.id,
            type=shape.kind,
            action=action,
            pose=transform_pose(shape.transform, make),
            scale=make("geometry_msgs/msg/Vector3", x=size, y=size, z=size),
            color=make("std_msgs/msg/ColorRGBA", r=r, g=g, b=b, a=a),
            lifetime=make("builtin_interfaces/msg/Duration", sec=0, nanosec=0),
            frame_locked=False,
            points=shape.points,
            colors=[],
            texture_resource="",
            texture=make("sensor_msgs/msg/CompressedImage", header=head, format="", data=none),
            uv_coordinates=[],
            text="",
            mesh_resource=shape.mesh_resource,
            mesh_file=make("visualization_msgs/msg/MeshFile", filename="", data=none),
            mesh_use_embedded_materials=False,
        )
