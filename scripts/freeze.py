"""Write constraints.txt: every package that pip put into this environment, at its version.

Run with the interpreter of a fresh virtual environment after changing a requirements file.
"""

from importlib.metadata import distributions
from pathlib import Path

HEADER = """\
# Every package of the environment at the version that was tested, also those pulled in by others.
# Made by scripts/freeze.py; do not edit.
"""
OWN = {"pip", "setuptools", "scorehoi_ros", "scorehoi-ros"}


def pinned() -> list[str]:
    """Lines name==version; local tags (`+cpu`) are cut, metadata that no installer wrote is left out."""
    found = {
        (d.metadata["Name"], d.version.split("+")[0])
        for d in distributions()
        if (d.read_text("INSTALLER") or d.read_text("installed-files.txt")) and d.metadata["Name"] not in OWN
    }
    return [f"{name}=={version}" for name, version in sorted(found, key=lambda item: item[0].lower())]


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "constraints.txt"
    target.write_text(HEADER + "\n".join(pinned()) + "\n", encoding="utf-8")
