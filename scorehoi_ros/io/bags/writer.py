"""Labels as one MCAP file that Foxglove opens and `ros2 bag play` plays; complete or absent.

Or, if that is wanted, closed after the last whole frame where something goes wrong later.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import OutputError
from scorehoi_ros.files import RoomyFile, whole_file
from scorehoi_ros.io.bags.channels import add_channel
from scorehoi_ros.io.bags.message_types import typestore
from scorehoi_ros.io.pictures.codec import encode_jpeg
from scorehoi_ros.messages.builders import body_model
from scorehoi_ros.messages.camera_info import camera_info
from scorehoi_ros.messages.factory import RosbagsFactory, header
from scorehoi_ros.messages.markers import MarkerBuilder
from scorehoi_ros.messages.topics import LATCHED, TOPICS, frame_messages
from scorehoi_ros.types import Reconstruction

NAMESPACE = "/scorehoi"
SPARE_BYTES = 4 << 20
"""For the messages that a writer still holds, and the index at the end."""
CHANNELS = TOPICS | {
    "image/compressed": "sensor_msgs/msg/CompressedImage",
    "camera_info": "sensor_msgs/msg/CameraInfo",
}
"""Topics under NAMESPACE and their types: what the node publishes, and the image with its camera."""


@contextmanager
def label_bag(
    path: str | Path, body: Any, template: Any | None, jpeg_quality: int = 85
) -> Iterator["LabelBag"]:
    """A new MCAP file at `path`, under a temporary name until the block ends; an error leaves nothing there.

    After `LabelBag.keep` an error, also an interrupt and a full disk, leaves a whole file of the frames
    before it.  `body`: BodyModel, `template`: ObjectTemplate or None.  `jpeg_quality` 0 leaves the images
    out.  Raises OutputError when it cannot be written.
    """
    from mcap.writer import Writer

    failure: BaseException | None = None
    with whole_file(path) as temporary, RoomyFile(temporary, SPARE_BYTES) as file:
        writer = Writer(file)  # type: ignore[arg-type]
        writer.start(profile="ros2", library="scorehoi_ros")
        bag = LabelBag(Path(path), writer, file, body, template, jpeg_quality)
        try:
            yield bag
        except BaseException as error:
            if not bag.kept:
                raise
            failure = error
        writer.finish()
    if failure is not None:
        raise failure


class LabelBag:
    """Writes reconstructions; made by `label_bag`."""

    def __init__(
        self, path: Path, writer: Any, file: RoomyFile, body: Any, template: Any | None, jpeg_quality: int
    ) -> None:
        self._path = path
        self._writer, self._file = writer, file
        self.kept = False
        self._body = body
        self._quality = jpeg_quality
        self._factory = RosbagsFactory(typestore())
        self._markers = MarkerBuilder(body, template, self._factory)
        self._channels = {
            name: add_channel(writer, f"{NAMESPACE}/{name}", kind, latched=name in LATCHED)
            for name, kind in CHANNELS.items()
        }
        self._sequence = dict.fromkeys(CHANNELS, 0)

    def keep(self) -> None:
        """From now on an error leaves the file of the frames before it."""
        self.kept = True

    def set_template(self, template: Any | None) -> None:
        """The object that the markers show from now on."""
        self._markers.set_template(template)

    def write(self, r: Reconstruction, log_ns: int | None = None) -> None:
        """All topics of one frame; header stamps are capture times, log times `log_ns`, else the stamp.

        The image is the one on which the results project (`r.flat`), with the camera that belongs to it.
        """
        log = r.stamp_ns if log_ns is None else log_ns
        make = self._factory
        if not self._sequence["body_model"]:
            topology = body_model(self._body, make, time_ns=r.stamp_ns, frame_id=r.frame_id)
            self._put("body_model", topology, log)
        for name, message in frame_messages(r, make).items():
            self._put(name, message, log)
        self._put("markers", self._markers.build(r), log)
        if r.flat is not None and self._quality:
            head = header(r.stamp_ns, r.frame_id, make)
            self._put("image/compressed", self._image(r.flat, head), log)
            self._put("camera_info", camera_info(r.camera, head, make), log)
        if self._file.full is not None:
            raise OutputError(f"cannot write more to {self._path}: {self._file.full.strerror}.")

    def _image(self, rgb: NDArray[np.uint8], head: Any) -> Any:
        data = np.frombuffer(encode_jpeg(rgb, self._quality), np.uint8)
        return self._factory(
            "sensor_msgs/msg/CompressedImage", header=head, format="rgb8; jpeg compressed bgr8", data=data
        )

    def _put(self, name: str, message: Any, log_ns: int) -> None:
        data = bytes(typestore().serialize_cdr(message, CHANNELS[name]))
        channel, sequence = self._channels[name], self._sequence[name]
        try:
            self._writer.add_message(channel, log_ns, data, publish_time=log_ns, sequence=sequence)
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror or error}.") from error
        self._sequence[name] += 1
