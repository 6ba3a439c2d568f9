"""The `scorehoi` command: one module of `scorehoi_ros.commands` for each sub-command.

A command module has EXAMPLE (one shell line), add_arguments(parser) and run(args) -> int.
"""

import argparse
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from scorehoi_ros import __version__
from scorehoi_ros.errors import ScorehoiError
from scorehoi_ros.files import refuse_unwritable

COMMANDS = {
    "label": "label a video, images or a bag: human mesh, object pose and contacts for each frame",
    "demo": "play a clip through the node in three processes and measure what comes out (needs ROS 2)",
    "node": "run the ROS 2 node: camera images in, human mesh, object pose and contacts out",
    "template": "check, convert, list and export object templates",
    "models": "fetch models of others into the cache, told where they are from: a promptable segmenter",
    "doctor": "list every package and file that can be used: found or missing, licence, hash, how to get it",
    "eval": "measure methods on a data set with the metrics of the papers: shape, pose, contact, time",
    "synth": "generate synthetic scenes of people and objects: images, masks, landmarks, ground truth",
    "train": "train the networks on generated scenes, from nothing or from other weights, with resumption",
    "bench": "time this machine: networks, refinements, messages, the live node from end to end",
    "body": "build the free body model or the pose prior, or describe a body model file",
}
"""Sub-commands and what they are for; here and not in their modules, so that help needs no heavy library."""
DESCRIPTION = "Human mesh, object pose and contacts from camera images, as ROS 2 messages and as files."
EXIT_CODES = "exit codes: 0 done, 2 bad input, 3 cannot write, 4 optional part missing, 130 interrupted"
DEBUG = "SCOREHOI_DEBUG"
"""Environment variable: when set, an unexpected error shows where it came from."""
INTERNAL_ERROR, INTERRUPTED = 1, 130
WITHOUT_RESULTS = ("node",)
"""Commands that leave nothing to write to a file."""
AGAIN_S = 0.05
"""An interrupt that was lost comes again after this time."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line that says where help is."""

    def error(self, message: str) -> NoReturn:
        """Print the error and leave with exit code 2."""
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help\n")


def build_parser(chosen: str = "") -> argparse.ArgumentParser:
    """Parser of the sub-commands; only the module of the `chosen` one is imported, and gives its options."""
    parser = Parser(prog="scorehoi", description=DESCRIPTION, epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        command = subparsers.add_parser(name, help=purpose, description=purpose)
        if name == chosen:
            _add_options(command, importlib.import_module(f"scorehoi_ros.commands.{name}"))
    return parser


def _add_options(command: argparse.ArgumentParser, module: Any) -> None:
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = f"example: {module.EXAMPLE}\n\n{EXIT_CODES}"
    module.add_arguments(command)
    if module.__name__.rpartition(".")[2] not in WITHOUT_RESULTS:
        command.add_argument("--json", metavar="FILE", help="write machine-readable results to FILE")
    command.set_defaults(run=module.run)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; no error is shown as a traceback, unless SCOREHOI_DEBUG is set.

    SIGTERM ends it as SIGINT does, with the same exit code: what is finished is kept.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    chosen = next((word for word in words if not word.startswith("-")), "")
    with _interruptible() as interrupted:
        try:
            return _run(chosen, words)
        except ScorehoiError as error:
            sys.stderr.write(f"scorehoi {chosen}: {error}\n")
            return error.exit_code
        except BrokenPipeError:  # as in `scorehoi template list | head`: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (Exception, KeyboardInterrupt) as error:
            if interrupted() or isinstance(error, KeyboardInterrupt):
                sys.stderr.write(f"scorehoi {chosen}: interrupted\n")
                return INTERRUPTED
            if os.environ.get(DEBUG):
                raise
            sys.stderr.write(
                f"scorehoi {chosen}: internal error, {type(error).__name__}: {error}. This is a bug: run "
                f"it again with {DEBUG}=1 and report what it prints.\n"
            )
            return INTERNAL_ERROR


def _run(chosen: str, words: list[str]) -> int:
    # Of others only errors: how a library builds its caches is nothing that a user can act on.
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("scorehoi_ros").setLevel(logging.INFO)
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # read when cv2 is imported; damage is reported by us
    args = build_parser(chosen).parse_args(words)
    if getattr(args, "json", None):
        refuse_unwritable(args.json)
    code = int(args.run(args))
    sys.stdout.flush()
    return code


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """SIGINT and SIGTERM raise KeyboardInterrupt; yields whether one came.

    A library that is interrupted while it is imported may turn that into another error, or lose it where
    Python can only print it.
    """
    seen: list[int] = []
    later: list[threading.Timer] = []

    def raise_it(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    def again(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)
            return
        # not here: raised in this function it would be lost, too
        later.append(threading.Timer(AGAIN_S, os.kill, (os.getpid(), signal.SIGINT)))
        later[-1].start()

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = {number: signal.signal(number, raise_it) for number in (signal.SIGINT, signal.SIGTERM)}
    hook, sys.unraisablehook = sys.unraisablehook, again
    try:
        yield lambda: bool(seen)
    finally:
        sys.unraisablehook = hook
        for timer in later:
            timer.cancel()
        for number, handler in previous.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
