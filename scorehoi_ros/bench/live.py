"""The live node from end to end: images from one process over DDS, results in another."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from scorehoi_ros.bench.case import Setting, Values
from scorehoi_ros.bench.clip import there_and_back
from scorehoi_ros.demo.clip import write_clip
from scorehoi_ros.demo.own import own_samples, told_by_user
from scorehoi_ros.demo.processes import Playing, node_parameters, run_processes
from scorehoi_ros.demo.report import percentile
from scorehoi_ros.demo.results import Result, read_results
from scorehoi_ros.types import Masks

SECONDS = 10.0
"""Of images."""


def live(setting: Setting, fps: float) -> Values:
    """Images at `fps`; nothing is given to the node but the pictures and what a user would say.

    Raises MissingExtraError without ROS 2, ScorehoiError when one of the processes fails.
    """
    samples = own_samples()
    with tempfile.TemporaryDirectory(prefix="scorehoi-bench-") as name:
        folder = Path(name)
        shown = islice(there_and_back(samples, fps), round(SECONDS * fps))
        clip = write_clip(folder / "clip", (replace(s.frame, masks=Masks()) for s in shown))
        settings = told_by_user(samples[0])
        settings |= {"device": setting.device, "threads": setting.threads}
        recording = run_processes(clip, node_parameters(clip, settings, 1.0), folder, Playing(1.0, False))
        results = read_results(recording, clip.width, clip.height)
    return summary(results, len(recording.stamps), fps)


def summary(results: Sequence[Result], images: int, fps: float) -> Values:
    """Rates, ages as the node states them, and times from image sent to result received elsewhere."""
    ages = [r.age_ms for r in results]
    arrivals = [r.latency_ms for r in results if r.latency_ms is not None]
    return {
        "input_fps": fps,
        "published_fps": round(fps * len(results) / images, 2),
        "age_ms_p50": percentile(ages, 50),
        "age_ms_p95": percentile(ages, 95),
        "latency_ms_p50": percentile(arrivals, 50),
        "latency_ms_p95": percentile(arrivals, 95),
        "dropped": images - len(results),
        "images": images,
    }
