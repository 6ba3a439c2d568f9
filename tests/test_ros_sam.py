"""The real node with SAM, by a stand-in pair of ONNX files: no frame of a track waits for a slow look."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")

from scorehoi_ros.srv import SetObjectPrompt  # noqa: E402

from scorehoi_ros.config.pipeline import PipelineConfig  # noqa: E402
from scorehoi_ros.frame.pipeline import Pipeline  # noqa: E402
from scorehoi_ros.load import load_pipeline  # noqa: E402
from scorehoi_ros.perception.object.window import mask_box  # noqa: E402
from scorehoi_ros.perception.sam.by_onnx import OnnxSamEngine  # noqa: E402
from scorehoi_ros.ros.picture import image_message  # noqa: E402
from tests.ros_helpers import Talker, node_process, talker  # noqa: E402
from tests.sam_pair import save_decoder, save_encoder  # noqa: E402
from tests.synth_scenes import SPEC, body, template  # noqa: E402
from tests.synthetic import CAMERA, Scene, TruthfulDetector, make_scene  # noqa: E402

pytestmark = pytest.mark.ros
GATE = "TEST_GATE"
"""Names, in the environment, a file: while it is there, SAM's network does not get on."""
BEGINS, ENDS = "SAM begins in", "SAM ends in"
SOLVER, LOOKER = "scorehoi_solver", "scorehoi_looker_0"
START_S = 120.0
"""Networks are loaded, and kernels compiled where no test before this one has done that."""
PRESENT = (0, 1)
"""Status OK and UNTRUSTED."""


def build(config: PipelineConfig) -> Pipeline:
    """The real pipeline, in the node's process, but for the detector, and SAM's network behind a gate."""
    masks = OnnxSamEngine.masks

    def gated(self: OnnxSamEngine, *told: Any) -> Any:
        print(BEGINS, threading.current_thread().name, flush=True)
        while Path(os.environ[GATE]).exists():
            time.sleep(0.02)
        print(ENDS, threading.current_thread().name, flush=True)
        return masks(self, *told)

    OnnxSamEngine.masks = gated  # type: ignore[assignment, method-assign]
    pipeline = load_pipeline(config)
    detector = TruthfulDetector(scene().seen)
    return replace(pipeline, eyes=replace(pipeline.eyes, detector=detector))


def scene() -> Scene:
    return make_scene(body(), template())


@contextmanager
def opened_at_the_end(gate: Path) -> Iterator[None]:
    """Else a test that fails would wait for the node's end in vain."""
    try:
        yield
    finally:
        gate.unlink(missing_ok=True)


def test_the_node_with_sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers, takes looks aside, is prompted again while one lasts, and ends while one lasts."""
    log, gate = tmp_path / "node.log", tmp_path / "gate"
    monkeypatch.setenv(GATE, str(gate))
    sam: dict[str, Any] = {
        "object": SPEC,
        "segmenter": "sam",
        "sam.encoder": save_encoder(tmp_path / "encoder.onnx"),
        "sam.decoder": save_decoder(tmp_path / "decoder.onnx"),
    }
    with talker() as t, node_process(log, build=build, **sam) as process, opened_at_the_end(gate):
        t.until(t.image.get_subscription_count, START_S)
        t.wait_for_node()
        t.send_info(CAMERA.width, CAMERA.height, 520.0)
        point_at_it(t)
        assert seen_in(t) and said(log, ENDS, SOLVER) > 0, "a first frame waits for SAM"
        waited = said(log, BEGINS, SOLVER)
        assert all(seen_in(t) for _ in range(3))

        gate.touch()
        point_at_it(t)
        assert seen_in(t), "colours find it, too"
        t.until(lambda: said(log, BEGINS, LOOKER) == 1)
        point_at_it(t)
        assert all(seen_in(t) for _ in range(4)), "frames go on while SAM looks"
        assert said(log, ENDS, LOOKER) == 0 and said(log, BEGINS, LOOKER) == 1, "one look at a time"
        gate.unlink()
        t.until(lambda: said(log, ENDS, LOOKER))
        assert seen_in(t)

        gate.touch()
        point_at_it(t)
        looks = said(log, BEGINS, LOOKER)
        assert seen_in(t)
        t.until(lambda: said(log, BEGINS, LOOKER) > looks)
        process.send_signal(signal.SIGINT)
        t.spin(1.0)
        gate.unlink()
        assert process.wait(timeout=20) == 0
    assert said(log, BEGINS, SOLVER) == waited, "only the first frame waited"
    assert "failed" not in log.read_text() and "Traceback" not in log.read_text()


def point_at_it(t: Talker) -> None:
    """By the service."""
    box = mask_box(scene().frame.masks.object, 0.05)
    sides = [box.x0, box.y0, box.x1, box.y1]
    answer = t.call(SetObjectPrompt, "/scorehoi/set_object_prompt", box=sides)
    assert answer.success, answer.message


def seen_in(t: Talker) -> bool:
    """Whether the next frame, which is sent now, is answered with the object."""
    result = t.answer(image_message(scene().frame.rgb, t.header(0.2)))
    return [o.status in PRESENT for o in result.objects] == [True]


def said(log: Path, words: str, thread: str) -> int:
    """How often the node's process printed that."""
    return log.read_text().count(f"{words} {thread}\n")
