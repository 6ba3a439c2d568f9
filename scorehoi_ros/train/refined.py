"""Views as the product refines them: what the corrector learns from.

The regressor looks at views with faults in their landmarks, and what it says is aligned as the method
`regress` aligns it, from masks and landmarks alone.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cache, lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from scorehoi_ros.alignment.align import Schedule
from scorehoi_ros.alignment.rig import make_rig
from scorehoi_ros.alignment.target import Shape, Target, shape_of
from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.methods import RegressConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.frame.evidence import MIN_MASK_PX, inside_image
from scorehoi_ros.geometry.camera import Crop
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.methods.regress.choice import PIXELS, outline_of
from scorehoi_ros.methods.regress.correct import refined_of
from scorehoi_ros.methods.regress.memory import Said
from scorehoi_ros.methods.regress.method import Alignment
from scorehoi_ros.methods.regress.refine import Found, contacts_of, refine
from scorehoi_ros.methods.regress.search import Search, search_of
from scorehoi_ros.methods.regress.start import Effort, Known, Thing
from scorehoi_ros.methods.regress.target import regions
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.networks.corrector import Refined
from scorehoi_ros.networks.pointnext import PointNeXt
from scorehoi_ros.networks.regressor import Guess, Regressor
from scorehoi_ros.runtime.errors import load_precision
from scorehoi_ros.runtime.layouts import GEOMETRY, load_network
from scorehoi_ros.synth.scene.kinds import template_of
from scorehoi_ros.synth.storage import Shard, read_shard
from scorehoi_ros.train.augment import FaultRates
from scorehoi_ros.train.regressor import Material, faulty, guess_of
from scorehoi_ros.train.stage1 import material_of
from scorehoi_ros.train.states import States, nearest_equivalent, true_states
from scorehoi_ros.train.views import Views, load_views, seen_of
from scorehoi_ros.types import Floats

LANDMARK_FAULTS = FaultRates(
    human_takes_object=0, object_takes_human=0, amodal=0, shifted=0, missing=0, cut=0
)
"""Masks stay as the segmenter tells them: what people's masks have besides, the product mends before."""
_AT_ONCE = 64
_SMALL = ("shapes", "queries", "landmark_tokens", "features")
"""Fields that are the same for all answers to a frame, and kept once, in half precision."""

Job = tuple[Path, Path]
"""A shard, and where what comes of it is kept."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answers:
    """n refined answers to m frames, and the truth."""

    refined: Refined
    """(n, ...), but the fields in `_SMALL` (m, ...)."""
    frame: Tensor
    """(n,) rows of the frames."""
    kept: Tensor
    """(n,) bool: the method would keep this hypothesis."""
    truth: States
    """Of a symmetric object the look-alike nearest to the answer."""
    sphere: Tensor
    """(n,) bool: nobody sees how the object is turned."""

    def __len__(self) -> int:
        return len(self.frame)

    def to(self, device: torch.device | str) -> "Answers":
        """The same on a device."""
        return self._each(lambda value: value.to(device), lambda value: value.to(device))

    def limited(self, count: int) -> "Answers":
        """The kept answers alone, every n-th, so that at most `count` are left."""
        kept = self.kept.nonzero()[:, 0]
        kept = kept[:: -(-len(kept) // count)]
        return self._each(lambda value: value[kept], lambda value: value)

    def told(self, rows: Tensor) -> Refined:
        """What the corrector is told of some answers, single precision."""
        frames = self.frame[rows]
        return Refined(
            **{
                name: value[frames if name in _SMALL else rows].float()
                for name, value in self.refined._asdict().items()
            }
        )

    def _each(self, answers: Callable[[Tensor], Tensor], frames: Callable[[Tensor], Tensor]) -> "Answers":
        refined = {
            name: frames(value) if name in _SMALL else answers(value)
            for name, value in self.refined._asdict().items()
        }
        truth = States(*(answers(getattr(self.truth, f.name)) for f in fields(States)))
        frame, kept, sphere = (answers(value) for value in (self.frame, self.kept, self.sphere))
        return Answers(Refined(**refined), frame, kept, truth, sphere)


def refined_answers(
    shards: Sequence[Path], folder: Path, size: str, weights: str, workers: int, seed: int
) -> Answers:
    """The answers to all views of some shards, each shard's kept in `folder` once it is known.

    `weights` is the folder of the first stage's, empty = the shipped ones.  Raises WeightsError, InputError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(shard, folder / f"{shard.stem}.safetensors") for shard in shards]
    missing = [job for job in jobs if not _whole(job[1])]
    work = partial(_refine_shard, size=size, weights=weights, seed=seed)
    for done, (shard, _) in enumerate(_worked(work, missing, workers), 1):
        _log.info("%s refined, %d of %d shards", shard.stem, done, len(missing))
    return joined([load_file(path) for _, path in jobs])


def _worked(work: Callable[[Job], None], jobs: Sequence[Job], workers: int) -> Iterator[Job]:
    """Each job when it is done, in their order."""
    if min(workers, len(jobs)) < 2:
        for job in jobs:
            work(job)
            yield job
        return
    # Spawned: the libraries' threads do not survive a fork.
    with ProcessPoolExecutor(min(workers, len(jobs)), get_context("spawn")) as pool:
        for job, _ in zip(jobs, pool.map(work, jobs), strict=True):
            yield job


def _whole(path: Path) -> bool:
    """Whether an earlier run left this file, and it can be read."""
    if not path.is_file():
        return False
    try:
        with safe_open(path, framework="pt"):
            return True
    except (OSError, SafetensorError) as error:
        _log.warning("%s is made again: %s", path, error)
        return False


def joined(parts: Sequence[dict[str, Tensor]]) -> Answers:
    """What `refine_views` has of several shards."""
    first = np.cumsum([0, *(len(part["queries"]) for part in parts)])
    frames = [part["frame"] + int(start) for part, start in zip(parts, first[:-1], strict=True)]
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    truth = States(*(joined[f"true_{f.name}"] for f in fields(States)))
    refined = Refined(*(joined[name] for name in Refined._fields))
    return Answers(refined, torch.cat(frames), joined["kept"], truth, joined["sphere"])


def _refine_shard(job: Job, size: str, weights: str, seed: int) -> None:
    shard, path = job
    torch.set_num_threads(1)
    net, _ = load_network(size, Regressor, weights)
    encoder, _ = load_network(GEOMETRY, PointNeXt, weights)
    dice = torch.Generator().manual_seed(seed + int(shard.stem.rpartition("-")[2]))
    told = read_shard(shard, only=("T_crop_image", "K_crop"))
    precision = load_precision(size, weights)
    parts = refine_views(net, material_of(load_views([shard]), encoder), told, dice, precision)
    with whole_file(path) as temporary:
        save_file(parts, temporary)


@torch.no_grad()
def refine_views(
    net: Regressor, material: Material, shard: Shard, dice: torch.Generator, precision: Floats | None = None
) -> dict[str, Tensor]:
    """The fields of `Answers` for the views of a shard; those that do not show both actors are left out.

    `precision` is that of the network's errors, see `PoseErrors`.
    Raises InputError for crops of a size that the method does not work with.
    """
    side = material.data.views.side
    if side % PIXELS:
        raise InputError(f"the shards have crops of {side} pixels. Make them with `--size {PIXELS}`.")
    aligner = replace(_Aligner.make(), precision=precision)
    rows: list[dict[str, Tensor]] = []
    for batch in torch.arange(len(material)).split(_AT_ONCE):
        views, masks = faulty(material.data.views.rows(batch), aligner.posed, LANDMARK_FAULTS, dice)
        guess = guess_of(net, material, views, masks)
        for k, row in enumerate(batch.tolist()):
            one = torch.tensor([k])
            view, mask, said = views.rows(one), masks[one], Guess(*(value[one] for value in guess))
            found = aligner(shard, row, view, mask, said)
            if found is None or found.seen is None:
                continue
            template = view.template
            points, shapes = material.data.table.points[template], material.shapes[template]
            seen = seen_of(view, mask, points, shapes, net.size.pixels)
            told = refined_of(found, range(len(found.shares)), said, seen, aligner.posed)
            rows.append(_told(told, len(rows)) | _truth(found, told, view, material))
    return {name: torch.cat([row[name] for row in rows]).contiguous() for name in rows[0]}


@dataclass(frozen=True)
class _Aligner:
    """The method `regress` after its network, for views of shards."""

    posed: PosedBody
    alignment: Alignment
    search: Search
    hypotheses: int
    precision: Floats | None = None

    @staticmethod
    @cache
    def make() -> "_Aligner":
        body, settings = free_body(), RegressConfig()
        rig, schedule = make_rig(body), Schedule(settings.steps)
        alignment = Alignment(rig, {"cold": schedule, "warm": schedule})
        return _Aligner(
            PosedBody(body), alignment, search_of(rig, settings.search_steps), settings.hypotheses
        )

    def __call__(self, shard: Shard, row: int, view: Views, mask: Tensor, said: Guess) -> Found | None:
        """All aligned hypotheses of one view (batch of 1); None where it does not show both actors."""
        truth, side = shard.truths[row], view.side
        crop = Crop(shard.arrays["T_crop_image"][row], shard.arrays["K_crop"][row], side)
        inside = inside_image(crop, (truth.height, truth.width), cv2.INTER_AREA)
        planes = np.stack([*(mask[0].numpy() >= 0.5), inside])
        if planes[:2].sum((1, 2)).min() < MIN_MASK_PX:
            return None
        template, P = template_of(truth.object_spec), view.K_view[0].double().numpy()
        frame = View(np.eye(3), P, float(view.focal), side)
        human, thing = regions(planes, person=True, thing=True)
        contacts = contacts_of(said)
        pixels = (view.landmarks[0].double() * side / 2 + (side - 1) / 2).numpy()
        confidence = view.confidence[0].double().numpy()
        target = Target(P, side, frame.focal, True, pixels, confidence, human, thing, contacts)
        black = np.zeros((side, side, 3), np.uint8)
        shape = _shape_of(truth.object_spec)
        seen = Thing(template.mesh, template.symmetry, shape, outline_of(planes, P, black))
        order = tuple(said.logits[0].argsort(descending=True).tolist())
        descend = self.alignment(said, frame, None, None)
        effort = Effort(self.hypotheses, warm=False)
        told = Said(said, frame, order)
        return refine(descend, self.search, target, seen, told, Known(), effort, precision=self.precision)


@lru_cache(maxsize=512)
def _shape_of(spec: str) -> Shape:
    """Neighbouring views share their object."""
    return shape_of(template_of(spec))


def _told(told: Refined, frame: int) -> dict[str, Tensor]:
    """What the corrector is told of the H answers to one frame."""
    count = len(told.values)
    fields = {name: value[:1].half() if name in _SMALL else value for name, value in told._asdict().items()}
    return fields | {"frame": torch.full((count,), frame)}


def _truth(found: Found, told: Refined, view: Views, material: Material) -> dict[str, Tensor]:
    """The truth beside them."""
    table, count = material.data.table, len(told.values)
    which = view.template.expand(count)
    true = true_states(view)
    same = States(
        *(getattr(true, f.name).expand(count, *getattr(true, f.name).shape[1:]) for f in fields(States))
    )
    R_o = nearest_equivalent(rotation_6d_to_matrix(same.R_o), rotation_6d_to_matrix(told.R_o), table, which)
    same = replace(same, R_o=matrix_to_rotation_6d(R_o))
    kept = {"kept": torch.arange(count) == found.best, "sphere": table.sphere[which]}
    return kept | {f"true_{f.name}": getattr(same, f.name) for f in fields(States)}
