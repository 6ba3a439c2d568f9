"""`scorehoi doctor`: what is installed, what is missing, and where it comes from."""

import argparse
import sys
from dataclasses import asdict

from scorehoi_ros import __version__
from scorehoi_ros.config.option import attribute_name, option_name
from scorehoi_ros.errors import MissingExtraError
from scorehoi_ros.files import write_json
from scorehoi_ros.inventory.check import examine, healthy, table
from scorehoi_ros.inventory.parts import FILES

VERDICT = {
    True: "\nEverything required is here.\n",
    False: "\nRequired parts are missing or broken: those in capitals.\n",
}
EXAMPLE = "scorehoi doctor --sam-checkpoint sam_vit_b_01ec64.pth --json doctor.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option for each file that the user brings, named as in `label` and the node."""
    for part in FILES:
        if part.option:
            parser.add_argument(option_name(part.option), metavar="FILE", default="", help=part.name)


def run(args: argparse.Namespace) -> int:
    """Print the table; 0 when the required parts are usable, 4 otherwise."""
    findings = examine(
        {part.option: getattr(args, attribute_name(part.option)) for part in FILES if part.option}
    )
    ok = healthy(findings)
    sys.stdout.write(f"scorehoi_ros {__version__}, Python {sys.version.split()[0]} in {sys.prefix}\n\n")
    sys.stdout.write(table(findings))
    sys.stdout.write(VERDICT[ok])
    if args.json:
        write_json(args.json, {"ok": ok, "version": __version__, "parts": [asdict(f) for f in findings]})
    return 0 if ok else MissingExtraError.exit_code
