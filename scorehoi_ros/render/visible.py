"""What of two meshes a camera sees where one hides the other."""

from scorehoi_ros.render.zbuffer import rasterise
from scorehoi_ros.types import Bools, Camera, Floats, Ints


def visible(
    person: Floats, person_faces: Ints, thing: Floats, thing_faces: Ints, camera: Camera
) -> tuple[Bools, Bools]:
    """Pixels (H, W) where the person and where the thing is in front.

    Vertices (V, 3) in metres in the frame of the camera, which is taken as free of distortion; faces (F, 3).
    """
    near, far = (
        rasterise(vertices, faces, camera.K, camera.width, camera.height)[0]
        for vertices, faces in ((thing, thing_faces), (person, person_faces))
    )
    in_front = (near > 0) & ((far == 0) | (near < far))
    return (far > 0) & ~in_front, in_front
