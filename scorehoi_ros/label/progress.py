"""How far a run has come, in OUT/resume.npz, so that a killed one goes on where it was.

The file is there from the beginning of a run to its end.  It holds what the session remembers after a frame
(`frame/saved.py`), so that the next frame gets the answer that it would have got without the break.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorehoi_ros import __version__
from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.saved import UnknownKindError, load_value, save_value
from scorehoi_ros.frame.session import SessionMemory
from scorehoi_ros.frame.smoothing import Passed

NAME, SUMMARY = "resume.npz", "summary.json"
PERIOD_S = 5.0
"""How much work a killed run loses at most, besides the frame in progress."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Done:
    """What the files of a finished frame do not say."""

    ms: float | None
    """Wall time of the pipeline, None when the frame never got there."""
    pictured: bool
    """The result came with its image."""


@dataclass(frozen=True)
class Progress:
    """The frames that are done, and what is needed to go on after them."""

    recipe: str
    """JSON of everything that decides the results."""
    done: tuple[Done, ...] = ()
    """In their order."""
    memory: SessionMemory | None = None
    """After the last of them; None = there is none."""
    passed: tuple[Passed, ...] = ()
    """What smoothing knows after the last of them."""


def recipe_of(options: Mapping[str, Any]) -> str:
    """The recipe of a run, from values that JSON can hold."""
    return json.dumps(dict(options) | {"version": __version__}, sort_keys=True)


def digest_of(recipe: str) -> str:
    """A short digest of a recipe, which a summary tells."""
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]


def finished(out: Path, recipe: str) -> dict[str, Any] | None:
    """The summary of a run of the same recipe that came to its end; None when there is none."""
    if (out / NAME).exists():
        return None
    try:
        summary = json.loads((out / SUMMARY).read_text())
        return summary if summary["recipe"] == digest_of(recipe) and not summary["interrupted"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_progress(out: Path, recipe: str) -> Progress | None:
    """Where a run of the same recipe stopped; None when none has begun here, or it came to its end.

    Raises InputError when the file is damaged or of a run with other options.
    """
    path = out / NAME
    if not path.exists():
        return None
    try:
        progress = load_value(path)
    except InputError as error:
        raise InputError(f"{error} Run again without --resume.") from error
    if not isinstance(progress, Progress):
        raise InputError(f"{path} is not of `scorehoi label`. Run again without --resume.")
    if progress.recipe != recipe:
        before, now = (dict(_flat(json.loads(text))) for text in (progress.recipe, recipe))
        name = next(key for key in sorted({*before, *now}) if before.get(key) != now.get(key))
        raise InputError(
            f"the run in {out} was begun with other options: {name} was {before.get(name)!r} and is now "
            f"{now.get(name)!r}. Give the same ones, or run again without --resume."
        )
    return progress


class ProgressFile:
    """Writes the progress of a run at most every `PERIOD_S`; raises OutputError."""

    def __init__(self, out: Path, progress: Progress) -> None:
        self._path = out / NAME
        self._recipe = progress.recipe
        self._done = list(progress.done)
        self._written_s = -float("inf")
        self._possible = True

    def add(self, done: Done, memory: SessionMemory, passed: tuple[Passed, ...]) -> None:
        """A frame is done and its files are written; `memory` and `passed` are those after it."""
        self._done.append(done)
        if time.monotonic() - self._written_s >= PERIOD_S:
            self.write(memory, passed)

    def write(self, memory: SessionMemory | None, passed: tuple[Passed, ...] = ()) -> None:
        """Write the progress now."""
        if not self._possible:
            return
        try:
            save_value(self._path, Progress(self._recipe, tuple(self._done), memory, passed))
        except UnknownKindError as error:
            self._possible = False
            _log.warning("a killed run can only be resumed from its beginning: %s", error)
        self._written_s = time.monotonic()

    def remove(self) -> None:
        """The run is at its end."""
        self._path.unlink(missing_ok=True)


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values in nested groups, by their own names."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value)
        else:
            yield name, value
