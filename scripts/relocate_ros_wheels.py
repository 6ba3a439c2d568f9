"""Point the CMake files of the ROS wheels at this virtual environment.

The wheels were built in a container, and their exports name that container's Python and numpy headers.
Run with the virtual environment's own interpreter; a second run changes nothing.
"""

import sys
import sysconfig
from pathlib import Path

import numpy

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
TAG = f"cp{sys.version_info.major}{sys.version_info.minor}"
CONTAINER = f"/opt/python/{TAG}-{TAG}"


def replacements() -> dict[str, str]:
    """Text in the wheels -> text for this environment; numpy 1 keeps its headers elsewhere than 2."""
    return {
        f"{CONTAINER}/include/{PYTHON}": sysconfig.get_paths()["include"],
        f"{CONTAINER}/lib/{PYTHON}/site-packages/numpy/_core/include": numpy.get_include(),
    }


def relocate(prefix: Path) -> int:
    """Rewrite every CMake file under `prefix`/share; returns how many were changed."""
    changed = 0
    for path in (prefix / "share").rglob("*.cmake"):
        text = mended = path.read_text(encoding="utf-8")
        for old, new in replacements().items():
            mended = mended.replace(old, new)
        if mended != text:
            path.write_text(mended, encoding="utf-8")
            changed += 1
    return changed


if __name__ == "__main__":
    sys.stdout.write(f"{relocate(Path(sys.prefix))} CMake files now point at {sys.prefix}\n")
