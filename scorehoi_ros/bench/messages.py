"""Cost of the messages that the node publishes."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from scorehoi_ros.bench.case import Setting, Values
from scorehoi_ros.messages import builders
from scorehoi_ros.messages.factory import Factory, RosbagsFactory, header
from scorehoi_ros.messages.markers import MarkerBuilder
from scorehoi_ros.types import Camera, Contacts, Floor, HumanState, ObjectState, Reconstruction, Status

WARM_UP = 20
LEAST = 100
"""Repetitions at least: they take a fraction of a millisecond."""
VERTICES = 13_524
"""Of the free body."""
TEMPLATE_ID = "0" * 64
Build = Callable[[], Any]
Serialise = Callable[[Any], bytes]


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one step, over many repetitions."""

    name: str
    build_ms: float
    """Median: numpy to message."""
    serialise_ms: float
    """Median: message to CDR bytes."""
    total_ms_p95: float
    size_bytes: int

    @property
    def total_ms(self) -> float:
        """Median of build plus median of serialise."""
        return self.build_ms + self.serialise_ms


def messages(setting: Setting) -> Values:
    """Build and serialise an Interaction; `libraries` has every message of each library that makes them."""
    repeat = max(setting.repeat, LEAST)
    tables = {name: time_messages(*made, VERTICES, repeat) for name, made in libraries().items()}
    first = next(iter(tables.values()))[0]
    rows = {
        name: {t.name: asdict(t) | {"total_ms": t.total_ms} for t in table} for name, table in tables.items()
    }
    values = {"ms_p50": first.total_ms, "ms_p95": first.total_ms_p95, "fps": 1e3 / first.total_ms}
    return values | {"repeat": repeat, "vertices": VERTICES, "libraries": rows}


def libraries() -> dict[str, tuple[Factory, Serialise]]:
    """The libraries that make messages: rclpy where ROS 2 and the built messages are, and rosbags."""
    from scorehoi_ros.io.bags.message_types import typestore

    store = typestore()
    pure = RosbagsFactory(store), lambda m: bytes(store.serialize_cdr(m, m.__msgtype__))
    try:
        from scorehoi_ros.ros.factory import message_class, ros_message, serialise

        message_class("scorehoi_ros/msg/Interaction")
    except ImportError:
        return {"rosbags": pure}
    return {"rclpy": (ros_message, serialise), "rosbags": pure}


def time_messages(factory: Factory, serialise: Serialise, vertices: int, repeat: int) -> list[Timing]:
    """Cost of each message that the node publishes, for one person of `vertices` vertices and one object."""
    r, body = example_reconstruction(vertices), example_body(vertices)
    human, state, contacts = r.humans[0], r.objects[0], r.contacts[0]
    head = header(0, "camera", factory)
    markers = MarkerBuilder(body, example_template(), factory)
    builds: dict[str, Build] = {
        "Interaction": lambda: builders.interaction(r, factory),
        "HumanState": lambda: builders.human_state(human, head, factory),
        "ContactState": lambda: builders.contact_state(contacts, head, factory),
        "PoseStamped": lambda: builders.pose_stamped(state, head, factory),
        "BodyModel": lambda: builders.body_model(body, factory),
        "MarkerArray": lambda: markers.build(r),
    }
    return [time_one(name, build, serialise, repeat) for name, build in builds.items()]


def time_one(name: str, build: Build, serialise: Serialise, repeat: int) -> Timing:
    """Medians over `repeat` runs after a warm-up."""
    ms = np.empty((repeat, 2))
    for i in range(-WARM_UP, repeat):
        start = time.perf_counter()
        message = build()
        middle = time.perf_counter()
        data = serialise(message)
        ms[max(i, 0)] = 1e3 * (middle - start), 1e3 * (time.perf_counter() - middle)
    build_ms, serialise_ms = np.median(ms, axis=0)
    p95 = float(np.percentile(ms.sum(1), 95))
    return Timing(name, float(build_ms), float(serialise_ms), p95, len(data))


def example_reconstruction(vertices: int) -> Reconstruction:
    """A complete result with random numbers (seed 0): `vertices` vertices, 300 of them in contact."""
    rng = np.random.default_rng(0)
    human = HumanState(
        id="human_1",
        status=Status.OK,
        confidence=0.9,
        betas=rng.normal(size=10),
        pose=rng.normal(size=(52, 3)),
        root=np.array([0.0, 0.0, 3.0]),
        joints=rng.normal(size=(52, 3)),
        vertices=rng.normal(size=(vertices, 3)).astype(np.float32),
    )
    contacts = Contacts(
        human_vertices=rng.choice(vertices, min(300, vertices), replace=False).astype(np.int32),
        human_probabilities=rng.random(min(300, vertices)),
        body_parts=("left_hand", "right_hand"),
        object_points=rng.normal(size=(20, 3)),
        object_probabilities=rng.random(20),
        floor_points=np.zeros((0, 3)),
        floor_probabilities=np.zeros(0),
        human_id="human_1",
        object_id="object_1",
    )
    return Reconstruction(
        stamp_ns=1_700_000_000_000_000_000,
        frame_id="camera_optical_frame",
        name="bench",
        camera=Camera(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), 640, 480),
        status=Status.OK,
        message="",
        humans=(human,),
        objects=(ObjectState("object_1", Status.OK, 0.9, "box", TEMPLATE_ID, np.eye(4), np.eye(6)),),
        contacts=(contacts,),
        floor=Floor(np.array([0.0, -1.0, 0.0]), -1.5),
        stage_ms={"detect_human": 1.0, "refine": 2.0},
    )


def example_body(vertices: int) -> Any:
    """A topology of the usual proportions: twice as many triangles as vertices."""
    rng = np.random.default_rng(0)
    return SimpleNamespace(
        name="bench",
        version="0" * 64,
        v_template=rng.normal(size=(vertices, 3)),
        faces=rng.integers(0, vertices, (2 * vertices, 3)),
        joint_names=[f"joint_{i}" for i in range(52)],
        parents=np.arange(-1, 51),
        region_names=["left_hand", "right_hand"],
        regions=np.zeros(vertices, np.uint8),
    )


def example_template() -> Any:
    """An object of 500 triangles."""
    rng = np.random.default_rng(0)
    mesh = SimpleNamespace(vertices=rng.normal(size=(250, 3)), faces=rng.integers(0, 250, (500, 3)))
    return SimpleNamespace(template_id=TEMPLATE_ID, mesh=mesh)
