"""visualization_msgs markers of a reconstruction for bags, so that Foxglove and RViz show it as it is."""

from typing import Any

import numpy as np

from scorehoi_ros.geometry.decimate import coarse_faces
from scorehoi_ros.messages.builders import Factory, header, is_present
from scorehoi_ros.messages.builders import pose as pose_message
from scorehoi_ros.types import Contacts, Floats, HumanState, ObjectState, Reconstruction

HUMAN_TRIANGLES = 1500
OBJECT_TRIANGLES = 800
HUMAN_COLOUR = (0.66, 0.75, 0.95, 0.8)
BONE_COLOUR = (0.2, 0.35, 0.8, 1.0)
OBJECT_COLOUR = (0.99, 0.78, 0.42, 1.0)
CONTACT_COLOUR = (0.93, 0.15, 0.24, 1.0)
LINE_LIST, SPHERE_LIST, TRIANGLE_LIST = 5, 7, 11
ADD, DELETE = 0, 2
MAX_SPHERES = 200


class BagMarkers:
    """Makes the MarkerArray of a frame; the fixed frame is the camera's optical frame, no TF is needed."""

    def __init__(self, body: Any, template: Any | None, factory: Factory) -> None:
        self._factory = factory
        self._faces = coarse_faces(body.v_template, body.faces, HUMAN_TRIANGLES)
        parents = np.asarray(body.parents)
        self._bones = np.array([(p, j) for j, p in enumerate(parents) if p >= 0]).reshape(-1)
        self.set_template(template)

    def set_template(self, template: Any | None) -> None:
        """The object to draw from now on."""
        self._object: Floats = np.zeros((0, 3))
        if template is not None:
            vertices = np.asarray(template.mesh.vertices)
            self._object = vertices[coarse_faces(vertices, template.mesh.faces, OBJECT_TRIANGLES).reshape(-1)]

    def build(self, r: Reconstruction) -> Any:
        """visualization_msgs/MarkerArray: mesh, skeleton, object, contacts; what is not shown is deleted."""
        human = r.human if r.human is not None and is_present(r.human.status) else None
        thing = r.object if r.object is not None and is_present(r.object.status) else None
        head = header(r.stamp_ns, r.frame_id, self._factory)
        drawn = [
            (*self._mesh(human), HUMAN_COLOUR),
            ("skeleton", LINE_LIST, human.joints[self._bones] if human else None, 0.015, BONE_COLOUR),
            (*_contacts(human, r.contacts), CONTACT_COLOUR),
        ]
        markers = [self._marker(head, *entry) for entry in drawn]
        markers.append(self._object_marker(head, thing))
        return self._factory("visualization_msgs/msg/MarkerArray", markers=markers)

    def _mesh(self, human: HumanState | None) -> tuple[str, int, Floats | None, float]:
        there = human is not None and len(human.vertices) > 0
        points = human.vertices[self._faces.reshape(-1)] if there and human is not None else None
        return "human", TRIANGLE_LIST, points, 1.0

    def _object_marker(self, head: Any, thing: ObjectState | None) -> Any:
        points = self._object if thing is not None else None
        transform = thing.T_cam_object if thing is not None else np.eye(4)
        return self._marker(head, "object", TRIANGLE_LIST, points, 1.0, OBJECT_COLOUR, transform)

    def _marker(
        self,
        head: Any,
        namespace: str,
        kind: int,
        points: Floats | None,
        scale: float,
        colour: tuple[float, ...],
        transform: Floats | None = None,
    ) -> Any:
        make = self._factory
        there = points is not None and len(points) > 0
        rows = np.asarray(points, np.float64).tolist() if there else []
        time = make("builtin_interfaces/msg/Duration", sec=0, nanosec=0)
        nothing = make("sensor_msgs/msg/CompressedImage", header=head, format="", data=np.zeros(0, np.uint8))
        return make(
            "visualization_msgs/msg/Marker",
            header=head,
            ns=namespace,
            id=0,
            type=kind,
            action=ADD if there else DELETE,
            pose=pose_message(np.eye(4) if transform is None else transform, make),
            scale=make("geometry_msgs/msg/Vector3", x=scale, y=scale, z=scale),
            color=make("std_msgs/msg/ColorRGBA", **dict(zip("rgba", colour, strict=True))),
            lifetime=time,
            frame_locked=False,
            points=[make("geometry_msgs/msg/Point", x=x, y=y, z=z) for x, y, z in rows],
            colors=[],
            texture_resource="",
            texture=nothing,
            uv_coordinates=[],
            text="",
            mesh_resource="",
            mesh_file=make("visualization_msgs/msg/MeshFile", filename="", data=np.zeros(0, np.uint8)),
            mesh_use_embedded_materials=False,
        )


def _contacts(human: HumanState | None, contacts: Contacts | None) -> tuple[str, int, Floats | None, float]:
    points = None
    if human is not None and contacts is not None and len(human.vertices):
        touched = human.vertices[contacts.human_vertices]
        points = touched[:: max(1, -(-len(touched) // MAX_SPHERES))]
    return "contacts", SPHERE_LIST, points, 0.015
