"""Labels as one MCAP file that Foxglove opens and `ros2 bag play` plays; complete or absent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import OutputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.io.image_codec import encode_jpeg
from scorehoi_ros.io.message_types import definition, typestore
from scorehoi_ros.messages import builders as messages
from scorehoi_ros.messages.markers import BagMarkers
from scorehoi_ros.types import Camera, Reconstruction

NAMESPACE = "/scorehoi"
TOPICS = {
    "body_model": "scorehoi_ros/msg/BodyModel",
    "interaction": "scorehoi_ros/msg/Interaction",
    "human": "scorehoi_ros/msg/HumanState",
    "contacts": "scorehoi_ros/msg/ContactState",
    "object_pose": "geometry_msgs/msg/PoseStamped",
    "markers": "visualization_msgs/msg/MarkerArray",
    "image/compressed": "sensor_msgs/msg/CompressedImage",
    "camera_info": "sensor_msgs/msg/CameraInfo",
}
"""Topics under NAMESPACE and their types; the first is latched, as the node publishes it."""

_FOREVER = "{sec: 9223372036, nsec: 854775807}"
_QOS = f"""- history: keep_last
  depth: %d
  reliability: reliable
  durability: %s
  deadline: {_FOREVER}
  lifespan: {_FOREVER}
  liveliness: automatic
  liveliness_lease_duration: {_FOREVER}
  avoid_ros_namespace_conventions: false"""


@contextmanager
def label_bag(
    path: str | Path, body: Any, template: Any | None, jpeg_quality: int = 85
) -> Iterator["LabelBag"]:
    """A new MCAP file at `path`, under a temporary name until the block ends; an error leaves nothing there.

    `body`: BodyModel, `template`: ObjectTemplate or None.  `jpeg_quality` 0 leaves the images out.
    Raises OutputError when it cannot be written.
    """
    from mcap.writer import Writer

    with whole_file(path) as temporary, temporary.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="ros2", library="scorehoi_ros")
        yield LabelBag(Path(path), writer, body, template, jpeg_quality)
        writer.finish()


class LabelBag:
    """Writes reconstructions; made by `label_bag`."""

    def __init__(self, path: Path, writer: Any, body: Any, template: Any | None, jpeg_quality: int) -> None:
        self._path = path
        self._writer = writer
        self._body = body
        self._quality = jpeg_quality
        self._factory = messages.rosbags_factory(typestore())
        self._markers = BagMarkers(body, template, self._factory)
        self._channels = {name: _channel(writer, name, kind) for name, kind in TOPICS.items()}
        self._sequence = dict.fromkeys(TOPICS, 0)

    def set_template(self, template: Any | None) -> None:
        """The object that the markers show from now on."""
        self._markers.set_template(template)

    def write(
        self,
        r: Reconstruction,
        rgb: NDArray[np.uint8] | None = None,
        log_ns: int | None = None,
        track_id: str = "",
        identity: messages.ObjectIdentity | None = None,
    ) -> None:
        """All topics of one frame; header stamps are capture times, log times `log_ns`, else the stamp.

        `rgb`: the (undistorted) image that belongs to `r.camera`, or None.
        """
        log = r.stamp_ns if log_ns is None else log_ns
        make = self._factory
        if not self._sequence["body_model"]:
            topology = messages.body_model(self._body, make, time_ns=r.stamp_ns, frame_id=r.frame_id)
            self._put("body_model", topology, log)
        interaction = messages.interaction(r, make, track_id=track_id, identity=identity)
        self._put("interaction", interaction, log)
        self._put("human", interaction.human, log)
        self._put("contacts", interaction.contacts, log)
        pose = messages.pose_stamped(r, make)
        if pose is not None:
            self._put("object_pose", pose, log)
        self._put("markers", self._markers.build(r), log)
        if rgb is not None and self._quality:
            head = messages.header(r.stamp_ns, r.frame_id, make)
            content = np.frombuffer(encode_jpeg(rgb, self._quality), np.uint8)
            image = make(
                "sensor_msgs/msg/CompressedImage",
                header=head,
                format="rgb8; jpeg compressed bgr8",
                data=content,
            )
            self._put("image/compressed", image, log)
            self._put("camera_info", camera_info(r.camera, head, make), log)

    def _put(self, name: str, message: Any, log_ns: int) -> None:
        data = bytes(typestore().serialize_cdr(message, TOPICS[name]))
        channel, sequence = self._channels[name], self._sequence[name]
        try:
            self._writer.add_message(channel, log_ns, data, publish_time=log_ns, sequence=sequence)
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror or error}.") from error
        self._sequence[name] += 1


def camera_info(camera: Camera, head: Any, factory: messages.Factory) -> Any:
    """sensor_msgs/CameraInfo of a camera (REP 104); P is K with no baseline."""
    K = np.asarray(camera.K, np.float64)
    roi = factory(
        "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return factory(
        "sensor_msgs/msg/CameraInfo",
        header=head,
        height=camera.height,
        width=camera.width,
        distortion_model=camera.model,
        d=messages.flat(camera.distortion, np.float64),
        k=messages.flat(K, np.float64),
        r=np.eye(3).reshape(-1),
        p=messages.flat(np.hstack([K, np.zeros((3, 1))]), np.float64),
        binning_x=0,
        binning_y=0,
        roi=roi,
    )


def _channel(writer: Any, name: str, type_name: str) -> int:
    latched = name == "body_model"
    qos = _QOS % (1 if latched else 10, "transient_local" if latched else "volatile")
    schema = writer.register_schema(name=type_name, encoding="ros2msg", data=definition(type_name).encode())
    return int(
        writer.register_channel(
            topic=f"{NAMESPACE}/{name}",
            message_encoding="cdr",
            schema_id=schema,
            metadata={"offered_qos_profiles": qos},
        )
    )
