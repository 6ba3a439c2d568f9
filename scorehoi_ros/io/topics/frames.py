"""The hall: ROS messages in, frames out; the one way in for live topics and for bags.

It joins an image with its depth and masks, chooses the camera, decodes, and says what is wrong.  What can be
done without is left out with a warning; an image that cannot be used becomes a BadFrame.  Messages may be of
rclpy or rosbags; only their fields are touched.  Time is an input (see `io.topics.pairing`).
"""

import logging
from collections.abc import Callable
from typing import Any

from scorehoi_ros.config.inputs import NONE, InputConfig
from scorehoi_ros.errors import InputError, ScorehoiError, shown
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.frame.clock import DISORDER_NS
from scorehoi_ros.io.pictures.bit_range import BitRange, darkness
from scorehoi_ros.io.topics.camera import Cameras, shows_rectified
from scorehoi_ros.io.topics.decode import depth_of, frame_of, mask_of, rgb_of
from scorehoi_ros.io.topics.pairing import Bundle, Pairing
from scorehoi_ros.io.topics.tf_tree import TfTree
from scorehoi_ros.messages.factory import NANOSECONDS, stamp_ns
from scorehoi_ros.perception.precomputed import check_masks
from scorehoi_ros.types import Floats, Frame, Masks

Report = Callable[[str, str], None]
"""(key, text): what is wrong with the inputs at present; an empty text = this is all right (again)."""
INFO = "camera_info"
WAITING = "waiting_for_camera_info"
"""Key of what an image waits for: of interest only while time passes."""
NAMELESS = "camera_optical_frame"
"""Frame of results when the image's header names none."""

_log = logging.getLogger(__name__)


class Hall:
    """Takes messages of all topics in order of arrival and gives frames.

    `image_topic`: as it is published; images of .../image_rect are without distortion.  `frame` and
    `transform` may be called from another thread than the rest.  Raises CameraError when the user's camera is
    none.
    """

    def __init__(self, settings: InputConfig, report: Report, image_topic: str = "") -> None:
        self._settings, self._report = settings, report
        self._topics = settings.companion_topics
        has_info = settings.camera_info_topic != NONE
        timeout_s = settings.camera_info_timeout_s if has_info else 0.0
        self._cameras = Cameras(
            settings.camera,
            int(timeout_s * NANOSECONDS),
            settings.camera_info_topic,
            shows_rectified(image_topic),
        )
        self._pairing = Pairing(
            tuple(self._topics),
            (INFO,) if has_info else (),
            int(settings.sync_tolerance_s * NANOSECONDS),
            int(settings.sync_wait_s * NANOSECONDS),
            DISORDER_NS,
        )
        self._tf = TfTree()
        self._bits = BitRange()
        self._damaged: dict[str, str] = {}

    def take_image(self, message: Any, now_ns: int) -> None:
        """Take a sensor_msgs Image or CompressedImage of the camera; `now_ns`: time of arrival."""
        gravity = self._gravity(frame_of(message))
        self._pairing.add_image(message, stamp_ns(message.header.stamp), now_ns, gravity)

    def take_unreadable(self, reason: str, now_ns: int) -> None:
        """Take the place of an image whose message is damaged."""
        self._pairing.add_unreadable(None, now_ns, reason)

    def take_damaged(self, topic: str, reason: str) -> None:
        """Say that messages of a topic beside the image are damaged; the first one stands for all."""
        first = self._damaged.setdefault(topic, f"{reason} Such messages are left out.")
        self._report(f"damaged {topic}", first)

    def take_companion(self, name: str, message: Any, now_ns: int) -> None:
        """Take an image of depth ("depth") or of a mask ("human", "object")."""
        self._pairing.add_companion(name, message, stamp_ns(message.header.stamp), now_ns)

    def take_camera_info(self, message: Any, now_ns: int) -> None:
        """Take a sensor_msgs/CameraInfo."""
        self.foresee_camera_info(message)
        self._pairing.add_companion(INFO, message, stamp_ns(message.header.stamp), now_ns)

    def foresee_camera_info(self, message: Any) -> None:
        """Let an image that waits for a camera know a CameraInfo that is still to come."""
        self._cameras.update(message)

    def take_transforms(self, message: Any, static: bool = False) -> None:
        """Take a tf2_msgs/TFMessage; `static` = of /tf_static."""
        self._tf.update(message, static)

    def transform(self, target: str, source: str, stamp_ns: int) -> Floats | None:
        """T_target_source (4, 4) by TF at a stamp; None = not known then."""
        return self._tf.transform(target, source, stamp_ns)

    def ready(self, now_ns: int | None) -> list[Bundle]:
        """Images whose companions are decided, in order of arrival; None = the end, nothing more comes."""
        return self._pairing.ready(now_ns)

    def deadline_ns(self, bundle: Bundle) -> int:
        """Until when `frame` may answer None."""
        return self._cameras.deadline_ns(bundle.arrived_ns)

    def frame(self, bundle: Bundle, now_ns: int, name: str) -> Frame | BadFrame | None:
        """The frame of an image with its depth and masks; None = it waits for a CameraInfo."""
        if bundle.image is None:
            return BadFrame(name, bundle.stamp_ns, bundle.note)
        frame_id = self._settings.frame_id or frame_of(bundle.image) or NAMELESS
        try:
            return self._frame(bundle, now_ns, name, frame_id)
        except ScorehoiError as error:
            reason = str(error)
        except Exception as error:  # a fault of ours, met by untrusted bytes
            _log.exception("image %s cannot be read", name)
            reason = f"internal error: {error!r}"
        return BadFrame(name, bundle.stamp_ns, reason, frame_id)

    def _frame(self, bundle: Bundle, now_ns: int, name: str, frame_id: str) -> Frame | None:
        rgb = rgb_of(bundle.image, self._bits)
        height, width = rgb.shape[:2]
        times = (bundle.arrived_ns, now_ns)
        choice = self._cameras.choose((width, height), frame_of(bundle.image), bundle.stamp_ns, times)
        self._report(WAITING, choice.problem if choice.camera is None else "")
        if choice.camera is None:
            return None
        self._report(INFO, choice.problem)
        self._report("darkness", darkness(rgb))
        self._say_what_is_missing(bundle)
        found = self._companions(bundle, (height, width))
        return Frame(
            rgb=rgb,
            camera=choice.camera,
            stamp_ns=bundle.stamp_ns,
            frame_id=frame_id,
            name=name,
            depth=found.get("depth"),
            masks=self._masks(found),
            log_ns=bundle.arrived_ns,
            gravity=bundle.note,
        )

    def _say_what_is_missing(self, bundle: Bundle) -> None:
        names = " and ".join(bundle.missing)
        text = f"no {names} with the stamp of the image; the frame goes on without" if names else ""
        self._report("companions", text)

    def _companions(self, bundle: Bundle, size: tuple[int, int]) -> dict[str, Any]:
        """Decoded depth and masks by name, without those that cannot be used."""
        result = {}
        for name in self._topics.keys() - bundle.companions.keys():
            self._report(f"{name}_input", "")
        for name in self._topics.keys() & bundle.companions.keys():
            try:
                result[name] = self._decoded(name, bundle, size)
                self._report(f"{name}_input", "")
            except ScorehoiError as error:
                self._report(f"{name}_input", f"{self._topics[name]} is left out: {error}")
            except Exception as error:  # as in `frame`
                _log.exception("a message on %s cannot be read", self._topics[name])
                self._report(f"{name}_input", f"{self._topics[name]} is left out: internal error: {error!r}")
        return result

    def _decoded(self, name: str, bundle: Bundle, size: tuple[int, int]) -> Any:
        message = bundle.companions[name]
        if name == "depth":
            _check_registered(frame_of(message), frame_of(bundle.image))
        values = depth_of(message) if name == "depth" else mask_of(message, self._settings.mask_ids[name])
        if values.shape != size:
            raise InputError(
                f"it has {values.shape[1]} x {values.shape[0]} pixels, the image {size[1]} x {size[0]}. "
                "Give the topic that is registered to the image."
            )
        if name != "depth" and not values.any():
            raise InputError("the mask is empty.")
        return values

    def _masks(self, found: dict[str, Any]) -> Masks:
        human, thing = found.get("human"), found.get("object")
        masks = Masks(human, thing)
        problem = ""
        try:
            if human is not None and thing is not None:
                masks = check_masks(masks, *human.shape)
        except InputError:
            masks, problem = Masks(), "the masks of human and object are nearly the same; both are left out"
        self._report("masks", problem)
        return masks

    def _gravity(self, image_frame: str) -> Floats | None:
        up_frame = self._settings.gravity_frame
        if not up_frame:
            return None
        camera_frame = self._settings.frame_id or image_frame
        found = self._tf.gravity(camera_frame, up_frame)
        known = found is not None
        self._report(
            "gravity", "" if known else f"TF does not join {shown(camera_frame)} and {shown(up_frame)} (yet)"
        )
        return found


def _check_registered(depth_frame: str, image_frame: str) -> None:
    if depth_frame and image_frame and depth_frame != image_frame:
        raise InputError(
            f"it is of frame {shown(depth_frame)}, the image of {shown(image_frame)}. Give depth that is "
            "registered to the image: .../aligned_depth_to_color/image_raw (RealSense), "
            ".../depth_to_rgb/image_raw (Azure Kinect), or the output of depth_image_proc's register node."
        )


class WarnOnce:
    """A `Report` for a run over a recording: each text is logged once."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def __call__(self, key: str, text: str) -> None:
        """Log a text that is new; in a recording nobody waits for what is still to come."""
        if text and key != WAITING and (key, text) not in self._said:
            self._said.add((key, text))
            _log.warning("%s", text)
