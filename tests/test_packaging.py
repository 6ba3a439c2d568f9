"""package.xml, Dockerfile and shell scripts: what they name exists and agrees with the requirement files."""

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scorehoi_ros.io.bags.topics import VIDEO_STREAMS

ROOT = Path(__file__).parents[1]
ROS_IMPORT = re.compile(
    r"^\s*(?:from|import) (rclpy|launch(?:_ros)?|ament_index_python|\w+_msgs|\w+_srvs|rcl_interfaces)\b",
    re.MULTILINE,
)
MESSAGE_TYPE = re.compile(r'"(\w+)/msg/\w+"')


def keys() -> set[str]:
    """What package.xml needs at run time."""
    root = ElementTree.parse(ROOT / "package.xml").getroot()
    return {e.text or "" for tag in ("depend", "exec_depend") for e in root.findall(tag)}


def requirements() -> set[str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return {line.split("==")[0] for line in lines if line and not line.startswith("#")}


def key_table() -> dict[str, str]:
    """Requirement and key, from the table of docs/install.md; empty = none."""
    rows = re.findall(
        r"^\| ([\w-]+) \| (`[\w-]+`|none) \|", (ROOT / "docs/install.md").read_text(), re.MULTILINE
    )
    return {package: "" if key == "none" else key.strip("`") for package, key in rows}


def test_every_requirement_has_its_key_or_is_said_to_have_none() -> None:
    assert key_table().keys() == requirements()
    python_keys = {key for key in keys() if key.startswith("python3-")}
    assert python_keys == {key for key in key_table().values() if key}
    comment = re.search(r"rosdep has no key for (.+?)\. -->", (ROOT / "package.xml").read_text())
    assert comment is not None
    without = {name for name, key in key_table().items() if not key}
    assert set(re.split(r", | and ", comment.group(1))) == without


def test_every_ros_package_that_is_imported_is_declared() -> None:
    files = [*(ROOT / "scorehoi_ros").rglob("*.py"), *(ROOT / "launch").rglob("*.py")]
    text = "\n".join(path.read_text() for path in files)
    named = set(ROS_IMPORT.findall(text)) | set(MESSAGE_TYPE.findall(text))
    assert {"rclpy", "launch_ros", "tf2_msgs", "visualization_msgs"} <= named
    # builtin_interfaces comes with std_msgs; a docstring speaks of "package/msg/Name"; messages of video
    # streams are only named, to be told from images.
    streams = {kind.partition("/")[0] for kind in VIDEO_STREAMS}
    assert named - streams - {"scorehoi_ros", "builtin_interfaces", "package"} <= keys()


def dockerfile() -> str:
    return re.sub(r"\\\n(?:#.*\n)*", "", (ROOT / "Dockerfile").read_text())


def test_docker_copies_what_is_there_and_not_ignored() -> None:
    sources = [
        s
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile(), re.MULTILINE)
        for s in line.split()
    ]
    assert len(sources) > 10 and not [s for s in sources if not (ROOT / s).exists()]
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {s.split("/")[0] for s in sources} == sent
    install = re.findall(
        r"^  install\(\w+ ([\w${}/. ]+?) DESTINATION", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE
    )
    installed = " ".join(install).replace("${PROJECT_NAME}", "scorehoi_ros").split()
    missing = [i for i in installed if not any(Path(i).is_relative_to(s) for s in sources)]
    assert installed and not missing, "what CMake installs has to be in the image"


def test_docker_uses_the_pinned_versions_and_a_plain_user() -> None:
    text = dockerfile()
    assert re.search(r"pip install .*--requirement requirements.txt --constraint constraints.txt", text)
    assert text.count("pip install") == 1
    assert text.rindex("\nUSER scorehoi") < text.rindex("\nENTRYPOINT")
    assert "COPY scripts/docker_entrypoint.sh" in text


def test_docker_installs_every_ros_package_of_package_xml() -> None:
    installed = set(re.findall(r"\bros-jazzy-([\w-]+)", dockerfile()))
    wanted = {key.replace("_", "-") for key in keys() if not key.startswith("python3-")}
    assert wanted <= installed


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.sh")), ids=lambda p: p.name)
def test_shell_scripts_parse(path: Path) -> None:
    subprocess.run(["bash", "-n", str(path)], check=True)
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
