"""What the node knows about itself: counters, ages, and the reasons why there is no output; plain Python."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from scorehoi_ros.messages.builders import primary_status
from scorehoi_ros.ros.recent import FRAMES, Sample, sample_of
from scorehoi_ros.types import Reconstruction, Status

SILENCE_S = 3.0
"""Images are missed after this long, and a person or object after twice as long."""


@dataclass(frozen=True)
class Snapshot:
    """State of the node at one moment; times are seconds of the monotonic clock."""

    lifecycle: str = "unconfigured"
    failure: str = ""
    """Why configure or activate failed."""
    active_since_s: float = 0.0
    images: int = 0
    lost: int = 0
    """Images that were published and never came."""
    results: int = 0
    last_sign_s: float | None = None
    """When an image arrived or the work on one ended: in between, no other is to be missed."""
    last_status: Status | None = None
    bad_since_s: float | None = None
    """Since when the status has been other than OK or UNTRUSTED without a break."""
    last_message: str = ""
    human_status: Status | None = None
    """Of the primary person, as on ~/human."""
    object_status: Status | None = None
    """Of the primary object; None when none is looked for."""
    camera_source: str = ""
    age_ms: float = 0.0
    age_from_arrival: bool = False
    stage_ms: dict[str, float] = field(default_factory=dict)
    resets: int = 0
    too_old: int = 0
    recent: tuple[Sample, ...] = ()
    """Of the last frames, the newest at the end."""
    problems: dict[str, str] = field(default_factory=dict)
    """Texts by key, as long as they last."""
    not_installed: tuple[str, ...] = ()
    """Packages of messages that are missing, so that their topics are not published."""


class Health:
    """Thread-safe holder of the newest `Snapshot`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._snapshot = Snapshot()

    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        with self._lock:
            return self._snapshot

    def lifecycle(self, name: str, failure: str = "") -> None:
        """The node came to another lifecycle state, or failed on the way.

        What went before an activation is forgotten, but for the problems: those that were found while
        activating last, and all others were cleared when the node was left inactive.
        """
        with self._lock:
            s = self._snapshot
            fresh = Snapshot(active_since_s=self._clock(), problems=s.problems, not_installed=s.not_installed)
            s = fresh if name == "active" else replace(s, problems={})
            self._snapshot = replace(s, lifecycle=name, failure=failure)

    def lost(self, count: int) -> None:
        """Images were published and did not arrive."""
        with self._lock:
            self._snapshot = replace(self._snapshot, lost=self._snapshot.lost + count)

    def image(self) -> None:
        """An image arrived."""
        with self._lock:
            s = self._snapshot
            self._snapshot = replace(s, images=s.images + 1, last_sign_s=self._clock())

    def too_old(self) -> None:
        """An image was dropped because of its age."""
        with self._lock:
            self._snapshot = replace(self._snapshot, too_old=self._snapshot.too_old + 1)

    def not_installed(self, packages: tuple[str, ...]) -> None:
        """Whose topics cannot be published."""
        with self._lock:
            self._snapshot = replace(self._snapshot, not_installed=packages)

    def problem(self, key: str, text: str) -> None:
        """Set, or with an empty text clear, a lasting problem."""
        with self._lock:
            others = {k: v for k, v in self._snapshot.problems.items() if k != key}
            self._snapshot = replace(self._snapshot, problems=others | {key: text} if text else others)

    def result(self, result: Reconstruction, age_ms: float, age_from_arrival: bool, resets: int) -> None:
        """A frame was published."""
        with self._lock:
            s = self._snapshot
            self._snapshot = replace(
                s,
                results=s.results + 1,
                last_sign_s=self._clock(),
                last_status=result.status,
                bad_since_s=None if result.status.is_present else (s.bad_since_s or self._clock()),
                last_message=result.message,
                human_status=primary_status(result),
                object_status=result.object.status if result.object else None,
                # A frame that cannot be read says nothing of its camera.
                camera_source=result.camera.source if result.camera.width else s.camera_source,
                age_ms=age_ms,
                age_from_arrival=age_from_arrival,
                stage_ms=dict(result.stage_ms),
                resets=resets,
                recent=(*s.recent[1 - FRAMES :], sample_of(result, age_ms)),
            )


def advice(
    s: Snapshot,
    now_s: float,
    image_topic: str,
    find_image_topics: Callable[[], list[str]],
    busy: bool = False,
) -> dict[str, str]:
    """Why there is no output, or no good one: texts by key, empty when all is well.

    `find_image_topics` lists the topics on which somebody publishes images; it is asked only in silence.
    `busy` = a frame is being worked on.
    """
    if s.failure:
        return {"failure": s.failure}
    if s.lifecycle != "active":
        return {}
    result = dict(s.problems)
    quiet_since = s.last_sign_s if s.last_sign_s is not None else s.active_since_s
    if now_s - quiet_since > SILENCE_S and not busy:
        return result | {"no_images": _no_images(image_topic, find_image_topics(), now_s - quiet_since)}
    if (
        s.bad_since_s is not None
        and now_s - s.bad_since_s > 2 * SILENCE_S
        or s.last_status == Status.BAD_INPUT
    ):
        result |= {"status": _status_text(s)}
    if s.camera_source == "guess":
        result |= {"guess": "the focal length is a guess: metric scale is uncertain (no usable CameraInfo)"}
    return result


def _no_images(topic: str, there: list[str], silence_s: float) -> str:
    others = f"image topics with a publisher: {', '.join(there)}" if there else "nobody publishes images"
    hint = (
        f"{topic} has a publisher: is it running, and is its QoS compatible?"
        if topic in there
        else "set image_topic or remap it"
    )
    return f"no images on {topic} for {silence_s:.0f} s; {others}; {hint}"


def _status_text(s: Snapshot) -> str:
    texts = {
        Status.BAD_INPUT: "images cannot be used",
        Status.LOST: "the object or person is lost; a prompt helps: call ~/set_object_prompt",
        Status.ABSENT: "no person, or no object, in view",
    }
    text = texts.get(s.last_status, "") if s.last_status is not None else ""
    return f"{text}: {s.last_message}" if s.last_message else text


class Throttle:
    """Lets each key through once in a period."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def allows(self, key: str, now_s: float, period_s: float) -> bool:
        """True when it is time to say `key` again."""
        last = self._last.get(key)
        if last is not None and now_s - last < period_s:
            return False
        self._last[key] = now_s
        return True
