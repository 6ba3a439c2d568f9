"""Three processes: a player publishes the clip, the node reconstructs, a recorder writes down its results."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.demo.clip import Clip
from scorehoi_ros.errors import InputError, MissingExtraError, ScorehoiError
from scorehoi_ros.files import whole_file

RESULTS_TOPIC = "/scorehoi/interaction"
START_LIMIT_S = 240.0
"""Loading models and compiling kernels, on the first run on a slow machine."""
ANSWER_LIMIT_S = 120.0
POLL_S = 0.2
DELIVERY_S = 1.0
LOG_LINES = 12


@dataclass(frozen=True)
class Recording:
    """What came out of the three processes."""

    path: Path
    """MCAP file with the messages of RESULTS_TOPIC."""
    stamps: dict[int, int]
    """Stamp of each published image -> its stamp in the clip, nanoseconds."""


@dataclass(frozen=True)
class Playing:
    """How the clip is played."""

    rate: float = 1.0
    """1 = as fast as it was recorded."""
    lockstep: bool = False
    """Wait for each result before the next image is published."""


def run_processes(clip: Clip, parameters: Mapping[str, Any], folder: Path, playing: Playing) -> Recording:
    """Run player, node and recorder to their ends; logs and files go to `folder`.

    Raises MissingExtraError without ROS, InputError or ScorehoiError with the end of the log when a process
    fails or does not end in time.
    """
    _require_ros()
    folder.mkdir(parents=True, exist_ok=True)
    recorded, mapping = folder / "recorded.mcap", folder / "stamps.json"
    with (
        _process("recorder", _recorder(recorded), folder) as recorder,
        _process("node", _node(parameters, folder), folder) as node,
        _process("player", _player(clip, mapping, playing), folder) as player,
    ):
        others = {"node": node, "recorder": recorder}
        _wait(player, "player", others, folder, _play_limit(clip, playing))
        _check(player, "player", folder)
        _end_in_order(node, recorder, folder)
    pairs = json.loads(mapping.read_text())
    return Recording(recorded, {int(new): int(old) for new, old in pairs})


def node_parameters(clip: Clip, settings: Mapping[str, Any], rate: float) -> dict[str, Any]:
    """Parameters of the node for a clip: its topics, and `settings` that are not empty.

    In slow motion the longest gap within a track is longer too, unless `settings` has one.
    """
    from scorehoi_ros.demo import clip as names

    topics = {
        "camera_info_topic": names.INFO_TOPIC,
        "human_mask_topic": names.HUMAN_MASK_TOPIC,
        "object_mask_topic": names.OBJECT_MASK_TOPIC,
        "depth_topic": names.DEPTH_TOPIC,
    }
    present: dict[str, Any] = {key: topic for key, topic in topics.items() if topic in clip.topics}
    chosen = {key: value for key, value in settings.items() if value not in ("", [], None)}
    known: dict[str, Any] = {"image_topic": names.IMAGE_TOPIC, "transport": "compressed"}
    known["max_gap_s"] = PipelineConfig().max_gap_s / min(rate, 1.0)
    if names.INFO_TOPIC not in clip.topics:
        known["camera_info_timeout_s"] = 0.0  # none will come
    return {**known, **present, **chosen}


def _require_ros() -> None:
    missing = [name for name in ("rclpy", "scorehoi_ros.msg") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"the demo needs ROS 2 and this package's built messages; not found: {', '.join(missing)}. Run "
            "`make demo` in the repository, or build the package with colcon and source the workspace. "
            "`scorehoi label` works without ROS."
        )


def _recorder(out: Path) -> list[str]:
    options = ["--topics", RESULTS_TOPIC, "--out", str(out)]
    return ["-m", "scorehoi_ros.ros.tools.recorder", *options]


def _node(parameters: Mapping[str, Any], folder: Path) -> list[str]:
    path = folder / "node.yaml"
    with whole_file(path) as temporary:
        temporary.write_text(yaml.safe_dump({"/**": {"ros__parameters": dict(parameters)}}))
    return ["-m", "scorehoi_ros.cli", "node", "--params-file", str(path)]


def _player(clip: Clip, mapping: Path, playing: Playing) -> list[str]:
    options = [str(clip.path), "--mapping", str(mapping), "--wait-for", str(START_LIMIT_S)]
    options += ["--rate", str(playing.rate), "--topics", *sorted(clip.topics)]
    if playing.lockstep:
        options += ["--lockstep", RESULTS_TOPIC, "--answer-timeout", str(ANSWER_LIMIT_S)]
    return ["-m", "scorehoi_ros.ros.tools.player", *options]


def environment(folder: Path) -> dict[str, str]:
    """DDS on this machine only, in a domain of our own: another demo or robot must not be heard."""
    domain = str(1 + os.getpid() % 101)
    own = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": domain}
    return os.environ | own | {"ROS_LOG_DIR": str(folder / "ros")}


@contextmanager
def _process(name: str, arguments: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that logs to `folder`/<name>.log; interrupted, then killed, when the block ends."""
    with (folder / f"{name}.log").open("wb") as log:
        command = [sys.executable, *arguments]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment(folder))
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _play_limit(clip: Clip, playing: Playing) -> float:
    per_image = ANSWER_LIMIT_S if playing.lockstep else 0.0
    return START_LIMIT_S + clip.duration_s / playing.rate + 60.0 + per_image * clip.images


def _wait(
    process: subprocess.Popen[bytes],
    name: str,
    others: Mapping[str, subprocess.Popen[bytes]],
    folder: Path,
    limit_s: float,
) -> None:
    """Until `process` ends; an end of one of the others, or the limit, is an error."""
    end = time.monotonic() + limit_s
    while process.poll() is None:
        for other, running in others.items():
            if running.poll() is not None:
                raise _failure(other, f"ended too early (exit code {running.returncode})", folder)
        if time.monotonic() > end:
            raise _failure(name, f"did not end within {limit_s:.0f} s", folder)
        time.sleep(POLL_S)


def _end_in_order(node: subprocess.Popen[bytes], recorder: subprocess.Popen[bytes], folder: Path) -> None:
    """The node finishes and publishes its frame in progress, then the recorder ends."""
    for name, process in (("node", node), ("recorder", recorder)):
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=ANSWER_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise _failure(name, f"did not end within {ANSWER_LIMIT_S:.0f} s", folder) from None
        _check(process, name, folder)
        # What the node published last is still on its way to the recorder.
        time.sleep(DELIVERY_S)


def _check(process: subprocess.Popen[bytes], name: str, folder: Path) -> None:
    if process.returncode:
        raise _failure(name, f"failed (exit code {process.returncode})", folder)


def _failure(name: str, what: str, folder: Path) -> ScorehoiError:
    log = folder / f"{name}.log"
    lines = log.read_text(errors="replace").strip().splitlines()[-LOG_LINES:]
    said = "\n".join(f"  {line}" for line in lines) or "  (nothing)"
    return InputError(f"the {name} {what}. The end of {log}:\n{said}")
