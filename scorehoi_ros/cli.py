"""The `scorehoi` command: one module of `scorehoi_ros.commands` for each sub-command.

A command module has HELP (one line), EXAMPLE (one shell line), add_arguments(parser) and run(args) -> int.
"""

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

from scorehoi_ros import __version__
from scorehoi_ros.errors import ScorehoiError

COMMANDS = ("label", "demo", "node", "template", "doctor", "bench", "body")
EXIT_CODES = "exit codes: 0 done, 2 bad input, 3 cannot write, 4 optional part missing, 130 interrupted"


def build_parser() -> argparse.ArgumentParser:
    """Parser with all sub-commands; heavy libraries are imported only when a command runs."""
    parser = argparse.ArgumentParser(prog="scorehoi", description=__doc__.splitlines()[0], epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"scorehoi_ros.commands.{name}")
        command = subparsers.add_parser(
            name,
            help=module.HELP,
            description=module.HELP,
            epilog=f"example: {module.EXAMPLE}\n\n{EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.add_argument("--json", metavar="FILE", help="write machine-readable results to FILE")
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; a ScorehoiError is printed without a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    args = build_parser().parse_args(argv)
    try:
        return int(args.run(args))
    except ScorehoiError as error:
        sys.stderr.write(f"scorehoi {args.command}: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"scorehoi {args.command}: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
