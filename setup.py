"""Packaging for pip; in a ROS workspace CMakeLists.txt does this work."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def version() -> str:
    """The one version, from `scorehoi_ros/__init__.py`."""
    found = re.search(r'__version__ = "([^"]+)"', (HERE / "scorehoi_ros/__init__.py").read_text())
    if found is None:
        raise RuntimeError("scorehoi_ros/__init__.py has no __version__")
    return found.group(1)


def requirements(name: str) -> list[str]:
    """Requirement lines of a file, without comments."""
    lines = (HERE / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def shared_data() -> list[tuple[str, list[str]]]:
    """Models, launch files and message definitions, laid under share/scorehoi_ros as in a ROS workspace."""
    files = (path for folder in ("models", "launch", "msg") for path in sorted((HERE / folder).rglob("*")))
    return [
        (f"share/scorehoi_ros/{path.relative_to(HERE).parent}", [str(path.relative_to(HERE))])
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    ]


setup(
    name="scorehoi_ros",
    version=version(),
    description="Human-object interaction from one camera: human mesh, 6-DoF object pose and contacts",
    long_description="See README.md.",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.11,<3.13",
    # Makes an editable install a plain path entry, which extend_path can join to the messages.
    package_dir={"": "."},
    packages=find_packages(include=["scorehoi_ros", "scorehoi_ros.*"]),
    package_data={"scorehoi_ros": ["py.typed"]},
    data_files=shared_data(),
    install_requires=requirements("requirements.txt"),
    extras_require={
        "dev": requirements("requirements-dev.txt"),
        "ros": requirements("requirements-ros.txt"),
        "sam": ["segment-anything==1.0", "torchvision==0.28.0"],
        "body-build": ["anny==0.6.2"],
        "smplx": ["smplx==0.1.28"],
    },
    entry_points={"console_scripts": ["scorehoi = scorehoi_ros.__main__:main"]},
)
