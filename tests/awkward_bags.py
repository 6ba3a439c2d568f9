"""Recordings with awkward input: each case is a plain recording with something wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from tests import bag_files as bags

IMAGE, INFO, DEPTH = "/cam/image_raw", "/cam/camera_info", "/cam/depth"
HUMAN, OBJECT = "/masks/human_mask", "/masks/object_mask"
FRAME = "cam"
WIDTH, HEIGHT = 64, 48
MS = 1_000_000
STEP = 33 * MS
SETTINGS: dict[str, Any] = {
    "depth_topic": DEPTH, "human_mask_topic": HUMAN, "object_mask_topic": OBJECT,
    "camera_info_timeout_s": 0.3, "sync_wait_s": 0.2, "object": "ball:0.22",
}  # fmt: skip


@dataclass
class Event:
    """One recorded message."""

    topic: str
    message: Any
    log_ns: int
    index: int
    """Of the image that it belongs to."""


Change = Callable[[list[Event]], list[Event]]


@dataclass(frozen=True)
class Case:
    """A recording, the settings of both sides, and what the results must show to be about the case."""

    name: str
    change: Change
    expect: Sequence[str]
    """Words in the (message, camera_source) of each frame; a minus in front = not there."""
    settings: dict[str, Any] = field(default_factory=dict)
    latched: tuple[str, ...] = ()

    def write(self, folder: Path) -> Path:
        """The bag."""
        events = sorted(self.change(plain()), key=lambda e: e.log_ns)
        return bags.write_bag(folder, [(e.topic, e.message, e.log_ns) for e in events], latched=self.latched)


def stamp(index: int) -> int:
    return bags.START_NS + index * STEP


def plain(count: int = 4) -> list[Event]:
    """Image, CameraInfo, depth and masks of one stamp, recorded one after the other."""
    events = []
    for i in range(count):
        topics = {
            INFO: bags.camera_info(stamp(i), WIDTH, HEIGHT, k_of(60.0)),
            IMAGE: bags.image(stamp(i), np.full((HEIGHT, WIDTH, 3), 10 + i, np.uint8)),
            DEPTH: bags.image(stamp(i), np.full((HEIGHT, WIDTH), 1500 + i, np.uint16), "16UC1"),
            HUMAN: bags.image(stamp(i), mask(0, 10 + i), "mono8"),
            OBJECT: bags.image(stamp(i), mask(30, 40 + i), "mono8"),
        }
        for position, (topic, message) in enumerate(topics.items()):
            message.header.frame_id = FRAME
            events.append(Event(topic, message, stamp(i) + (2 + position) * MS, i))
    return events


def k_of(focal: float) -> list[float]:
    return [focal, 0, WIDTH / 2, 0, focal, HEIGHT / 2, 0, 0, 1]


def mask(first: int, last: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    values = np.zeros((size[1], size[0]), np.uint8)
    values[:, first:last] = 255
    return values


def changed(topic: str, change: Callable[[Event], Any], only: Sequence[int] | None = None) -> Change:
    """Change the events of one topic; an event for which `change` gives False is left out."""

    def apply(events: list[Event]) -> list[Event]:
        concerned = {id(e) for e in events if e.topic == topic and (only is None or e.index in only)}
        return [e for e in events if id(e) not in concerned or change(e) is not False]

    return apply


def in_turn(*changes: Change) -> Change:
    def apply(events: list[Event]) -> list[Event]:
        for change in changes:
            events = change(events)
        return events

    return apply


def replaced(topic: str, make: Callable[[int], Any], only: Sequence[int] | None = None) -> Change:
    """Other messages on a topic, made from their stamps."""

    def change(event: Event) -> None:
        event.message = make(stamp(event.index))
        event.message.header.frame_id = FRAME

    return changed(topic, change, only)


def without(topic: str, only: Sequence[int] | None = None) -> Change:
    return changed(topic, lambda e: False, only)


def named(topic: str, frame: str) -> Change:
    return changed(topic, lambda e: setattr(e.message.header, "frame_id", frame))


def looped(index: int) -> int:
    """Two images, further apart than messages out of order, and again."""
    return stamp(10 * (index % 2))


def stamped(topic: str, new: Callable[[int], int]) -> Change:
    def change(event: Event) -> None:
        frame = event.message.header.frame_id
        event.message.header = bags.header(new(event.index), frame)

    return changed(topic, change)


def restamped(new: Callable[[int], int]) -> Change:
    """Other stamps on all topics; the order of recording stays."""
    return in_turn(*(stamped(topic, new) for topic in (IMAGE, INFO, DEPTH, HUMAN, OBJECT)))


def recorded_later(topic: str, delay_ns: int) -> Change:
    return changed(topic, lambda e: setattr(e, "log_ns", e.log_ns + delay_ns))


def moving_camera(events: list[Event]) -> list[Event]:
    """A camera on a robot: a static transform once, and one that changes with each image."""
    mounted = Rotation.from_euler("x", -90, degrees=True).as_quat()
    tf = [Event("/tf_static", bags.transforms(stamp(0), "base", FRAME, mounted), stamp(0) - 5 * MS, 0)]
    for i in range(4):
        tilt = Rotation.from_euler("y", 10 * i, degrees=True).as_quat()
        tf.append(Event("/tf", bags.transforms(stamp(i), "map", "base", tilt), stamp(i) - 3 * MS, i))
    return [*events, *tf]


def info(
    width: int = WIDTH, height: int = HEIGHT, focal: float = 60.0, **fields: Any
) -> Callable[[int], Any]:
    return lambda s: bags.camera_info(s, width, height, k_of(focal), **fields)


def small_depth(s: int) -> Any:
    return bags.image(s, np.full((8, 8), 1500, np.uint16), "16UC1")


def white(s: int) -> Any:
    """What the fake pipeline does not survive."""
    return bags.image(s, np.full((HEIGHT, WIDTH, 3), 255, np.uint8))


def cut_off(event: Event) -> None:
    event.message.data = event.message.data[:100]


GUESS, KNOWN = ["guess"] * 4, ["camera_info"] * 4
FOLLOWED = ["n={n} depth=1.50{i} human_mask="] * 4
ALL_IN = ["depth=1.50{i} human_mask= object_mask= camera_info"] * 4

CASES = [
    Case("plain", lambda events: events, ALL_IN),
    Case("no image topic but the image", in_turn(*map(without, (INFO, DEPTH, HUMAN, OBJECT))),
         ["-depth -mask guess"] * 4, {"depth_topic": "none", "human_mask_topic": "none",
         "object_mask_topic": "none"}),
    Case("topics switched off", lambda events: events, ["-depth -mask guess"] * 4,
         {"depth_topic": "none", "human_mask_topic": "none", "object_mask_topic": "none",
          "camera_info_topic": "none"}),
    Case("depth of another size", replaced(DEPTH, small_depth), ["-depth human_mask="] * 4),
    Case("mask of another size", replaced(HUMAN, lambda s: bags.image(s, mask(0, 4, (8, 8)), "mono8")),
         ["-human_mask object_mask= depth="] * 4),
    Case("unregistered depth", named(DEPTH, "ir"), ["-depth human_mask="] * 4),
    Case("depth 4 ms late", stamped(DEPTH, lambda i: stamp(i) + 4 * MS), ["depth=1.50{i}"] * 4,
         {"sync_tolerance_s": 0.01}),
    Case("depth 4 ms early", stamped(DEPTH, lambda i: stamp(i) - 4 * MS), ["depth=1.50{i}"] * 4,
         {"sync_tolerance_s": 0.01}),
    Case("depth 4 ms off without tolerance", stamped(DEPTH, lambda i: stamp(i) + 4 * MS), ["-depth"] * 4),
    Case("depth missing in two frames", without(DEPTH, [1, 2]), ["depth", "-depth", "-depth", "depth"]),
    Case("masks recorded after the next image",
         in_turn(recorded_later(HUMAN, 50 * MS), recorded_later(OBJECT, 50 * MS)), ALL_IN),
    Case("masks recorded too late", recorded_later(HUMAN, 450 * MS), ["-human_mask object_mask"] * 3),
    Case("CameraInfo of another size", replaced(INFO, info(128, 96)), GUESS),
    Case("CameraInfo of another frame", named(INFO, "other"), GUESS),
    Case("a slash before the frame", named(INFO, "/" + FRAME), KNOWN),
    Case("a slash before the image's frame", named(IMAGE, "/" + FRAME), ALL_IN),
    Case("CameraInfo once at the start", without(INFO, [1, 2, 3]), KNOWN, latched=(INFO,)),
    Case("CameraInfo after the first images", without(INFO, [0, 1]), KNOWN),
    Case("CameraInfo after the timeout", in_turn(without(INFO, [0, 1, 2]), recorded_later(INFO, 330 * MS)),
         GUESS),
    Case("CameraInfo that changes", replaced(INFO, info(focal=90.0), [2, 3]), KNOWN),
    Case("NaN in K", replaced(INFO, info(focal=float("nan"))), GUESS),
    Case("zero K", replaced(INFO, info(focal=0.0)), GUESS),
    Case("zero K after a good one", replaced(INFO, info(focal=0.0), [1, 2, 3]), KNOWN),
    Case("a binned CameraInfo with a lens in other words", replaced(INFO, info(2 * WIDTH, 2 * HEIGHT, 120.0,
         binning_x=2, binning_y=2, distortion_model="fisheye", d=np.array([0.01, 0, 0, 0, 0]))), KNOWN),
    Case("distortion that leaves nothing", replaced(INFO, info(d=np.array([1e30, 0, 0, 0, 0]))), GUESS),
    Case("fault inside step",
         replaced(IMAGE, lambda s: bags.image(s, np.full((HEIGHT, WIDTH, 3), 255, np.uint8)), [1]),
         ["n=1", "internal error", "n=1", "n=2"]),
    Case("image that cannot be decoded", changed(IMAGE, cut_off, [1]), ["n=1", "truncated", "n=2", "n=3"]),
    Case("unknown encoding", changed(IMAGE, lambda e: setattr(e.message, "encoding", "h264"), [2]),
         ["n=1", "n=2", "h264", "n=3"]),
    Case("equal stamps", restamped(lambda i: stamp(i // 2)), FOLLOWED),
    Case("all stamps equal", restamped(lambda i: stamp(0)), FOLLOWED),
    Case("zero stamps", restamped(lambda i: 0), FOLLOWED),
    Case("stamps a little out of order", restamped(lambda i: stamp((0, 2, 1, 3)[i])),
         ["n=1 depth=1.500", "n=2 depth=1.501", "n=3 depth=1.502 human_mask=", "n=3 depth=1.503"]),
    Case("bag loop", restamped(looped), ["n=1 depth=1.500", "n=2", "n=1 depth=1.502", "n=2"]),
    Case("bag loop with depth a little off",
         in_turn(restamped(looped), stamped(DEPTH, lambda i: looped(i) - 4 * MS)),
         ["n=1 depth=1.500", "n=2", "n=1 depth=1.502", "n=2"], {"sync_tolerance_s": 0.01}),
    Case("long gap", restamped(lambda i: stamp(i) + (i // 2) * 10**10), ["n=1", "n=2", "n=1", "n=2"]),
    Case("empty mask", replaced(HUMAN, lambda s: bags.image(s, mask(0, 0), "mono8")), ["-human_mask"] * 4),
    Case("human and object masks the same", replaced(OBJECT, lambda s: bags.image(s, mask(0, 11), "mono8")),
         ["-mask", "-mask", "-mask", "mask"]),
    Case("camera on a moving robot", moving_camera, ["gravity="] * 4, {"gravity_frame": "map"}),
    Case("gravity that TF does not know", lambda events: events, ["-gravity"] * 4, {"gravity_frame": "map"}),
    Case("another frame for the results", lambda events: events, ALL_IN, {"frame_id": "robot_camera"}),
    Case("a camera of the user's", lambda events: events, ["user"] * 4, {"camera": "70,70,32,24"}),
]  # fmt: skip
