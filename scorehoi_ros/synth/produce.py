"""Making a folder of shards: jobs, worker processes, what can be kept from an earlier run."""

import hashlib
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import numpy as np

from scorehoi_ros.assets import model_file
from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.files import write_json
from scorehoi_ros.geometry.rigid import invert_transform, transform_points
from scorehoi_ros.geometry.sdf import sample
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.synth.picture.backgrounds import list_photos
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.picture.posed import Posed, pose_scene
from scorehoi_ros.synth.scene import generate as scenes
from scorehoi_ros.synth.scene.kinds import template_of
from scorehoi_ros.synth.sensor.observe import crop_view, observe_posed
from scorehoi_ros.synth.splits import CONTENT
from scorehoi_ros.synth.storage import FORMAT, INDEX, Scene, read_shard, write_shard
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.threads import limited_process

OBSERVATION_VERSION = 1
"""Raise it when the same truth gives another picture."""
SHARD = scenes.BLOCK
"""Scenes in a shard: one block of the generator."""


@dataclass(frozen=True)
class ShardRecipe:
    """Everything that decides the content of the shards."""

    split: str
    size: int
    """Side of the crops in pixels."""
    poses: Path | None = None
    backgrounds: Path | None = None
    meshes: Path | None = None
    views: int = 1
    """Cameras that see each single scene."""
    pictures: bool = True
    """Whether to draw the RGB images."""

    def told(self) -> dict[str, Any]:
        """As it is written into shards and index: folders by the names and bytes of their files."""
        more = {"views": self.views} if self.views > 1 else {}
        less = {} if self.pictures else {"pictures": False}
        return (
            more
            | less
            | {
                "split": self.split,
                "size": self.size,
                "version": [CONTENT[self.split], OBSERVATION_VERSION],
                "body": free_body().version[:16],
                "detector_noise": _digest([model_file("detector_noise.json")]),
                "poses": _digest([self.poses] if self.poses else []),
                "backgrounds": _digest(list_photos(self.backgrounds) if self.backgrounds else []),
                "meshes": _digest(
                    sorted(p for p in self.meshes.rglob("*") if p.is_file()) if self.meshes else []
                ),
            }
        )


@dataclass(frozen=True)
class Job:
    """One shard: consecutive scenes, or the frames of one sequence."""

    name: str
    """File name."""
    first: int
    count: int
    """Scenes; 0 = the whole sequence number `first`."""


def plan(split: str, count: int, sequences: int) -> list[Job]:
    """The shards of `count` scenes and some sequences."""
    singles = [
        Job(f"{split}-{first // SHARD:05d}.npz", first, min(SHARD, count - first))
        for first in range(0, count, SHARD)
    ]
    return singles + [Job(f"{split}-seq{number:04d}.npz", number, 0) for number in range(sequences)]


def make_shard(
    path: Path, job: Job, recipe: ShardRecipe, told: dict[str, Any], tick: Callable[[], None]
) -> int:
    """Generate, observe and write one shard; `tick` is called after each view.  Returns their number."""
    body = free_body()
    photos = tuple(list_photos(recipe.backgrounds)) if recipe.backgrounds else ()
    style = Style(photos) if recipe.pictures else None
    done = []
    for truth in truths_of(job, recipe):
        done.append(observed(truth, body, template_of(truth.object_spec), style, recipe.size))
        tick()
    write_shard(path, done, told | {"job": [job.first, job.count]})
    return len(done)


def truths_of(job: Job, recipe: ShardRecipe) -> list[SceneTruth]:
    """The truths of a job, the views of a scene one after the other."""
    source = scenes.Source(poses=recipe.poses, meshes=recipe.meshes)
    if job.count:
        numbers = range(job.first, job.first + job.count)
        return scenes.generate(recipe.split, numbers, source=source, views=recipe.views)
    from scorehoi_ros.synth.scene.sequences import generate_sequence

    return generate_sequence(recipe.split, job.first, source=source)


def observed(
    truth: SceneTruth, body: BodyModel, template: ObjectTemplate, style: Style | None, size: int
) -> Scene:
    """One view, in a crop of `size` pixels; `style` None = without a picture."""
    posed = pose_scene(truth, body, template)
    seen = observe_posed(truth, posed, body, template, style, crop_view(truth, posed, size))
    return Scene(truth, seen, penetration_mm(truth, posed, template))


def penetration_mm(truth: SceneTruth, posed: Posed, template: ObjectTemplate) -> float:
    """How deep the deepest vertex of the skin lies inside the object."""
    points = transform_points(invert_transform(truth.T_cam_object), posed.skin)
    low, high = template.mesh.vertices.min(axis=0), template.mesh.vertices.max(axis=0)
    x, y, z = points.T
    # axis by axis: numpy is slow at reducing rows of three
    inside = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1]) & (z > low[2]) & (z < high[2])
    near = points[np.flatnonzero(inside)]
    return float(max(-1000.0 * sample(template.sdf, near).min(), 0.0)) if len(near) else 0.0


def kept(path: Path, job: Job, told: dict[str, Any]) -> bool:
    """Whether a shard of an earlier run is whole and the same as a new one would be."""
    try:
        shard = read_shard(path)
    except InputError:
        return False
    return shard.recipe == told | {"job": [job.first, job.count]}


def run_jobs(
    folder: Path, jobs: Sequence[Job], recipe: ShardRecipe, workers: int, advance: Callable[[int], None]
) -> None:
    """Make all shards in `workers` processes with one thread each; `advance` is told how many views are new.

    Raises the first error of a worker; shards that are finished by then stay, for `--resume`.
    """
    told = recipe.told()
    if workers == 1:
        with limited_process(1):
            for job in jobs:
                make_shard(folder / job.name, job, recipe, told, lambda: advance(1))
        return
    context = get_context("spawn")
    counter = context.Value("l", 0)
    others = {*active_children()}
    with (
        limited_process(1),
        ProcessPoolExecutor(workers, context, _start_worker, (counter,)) as pool,
    ):
        futures = [pool.submit(_work, folder / job.name, job, recipe, told) for job in jobs]
        try:
            _follow(futures, counter, advance)
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            if isinstance(error, KeyboardInterrupt):  # a shard may take minutes
                for process in {*active_children()} - others:
                    process.terminate()
            raise


def _follow(futures: list["Future[int]"], counter: Any, advance: Callable[[int], None]) -> None:
    told, open_ = 0, set(futures)
    while open_:
        done, open_ = wait(open_, timeout=0.5, return_when=FIRST_COMPLETED)
        advance(counter.value - told)
        told = counter.value
        for future in done:
            try:
                future.result()
            except BrokenProcessPool as error:
                raise ScorehoiError(
                    "a worker process was ended from outside, probably for want of memory. Use fewer "
                    "--workers and run again with --resume."
                ) from error


_counter: Any = None


def _start_worker(counter: Any) -> None:
    global _counter
    _counter = counter
    # the parent is interrupted too, and ends the workers in good order
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(path: Path, job: Job, recipe: ShardRecipe, told: dict[str, Any]) -> int:
    def tick() -> None:
        with _counter.get_lock():
            _counter.value += 1

    with limited_process(1):
        return make_shard(path, job, recipe, told, tick)


def write_index(folder: Path, jobs: Sequence[Job], told: dict[str, Any]) -> int:
    """List the shards with their sha256; returns the number of views."""
    rows = []
    for job in jobs:
        path = folder / job.name
        count = len(read_shard(path, only=()))
        rows.append(
            {"file": job.name, "count": count, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        )
    total = int(np.sum([row["count"] for row in rows]))
    write_json(folder / INDEX, {"format": FORMAT, "recipe": told, "count": total, "shards": rows})
    return total


def _digest(paths: Sequence[Path]) -> str:
    """Of names and bytes; empty for no files."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}.") from error
    return digest.hexdigest()[:16] if paths else ""
