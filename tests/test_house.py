"""Rules that hold for the whole source tree."""

import ast
import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from scorehoi_ros import __version__

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "scorehoi_ros"
MODULES = sorted((ROOT / "scorehoi_ros").rglob("*.py"))
# Written in pieces, so that this file does not break its own rule.
FOLDERS = "|".join(("work", "farm", "root", r"home/\w+", r"tmp/\w+"))
MACHINE_PATH = re.compile(rf"(?<![\w.~])/(?:{FOLDERS})(?:/|\b)")


def tracked_text_files() -> list[Path]:
    """Files under version control that are text; all source files where there is no git."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    paths = [ROOT / name for name in listed.stdout.split("\n") if name] or MODULES
    suffixes = {".py", ".md", ".txt", ".toml", ".xml", ".sh", ".yaml", ".yml", ".msg", ".srv", ""}
    return [path for path in paths if path.suffix in suffixes and path.is_file()]


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {package.lower().replace("_", "-"): version for package, version in pairs}


def test_files_are_short() -> None:
    long = {str(p.relative_to(ROOT)): n for p in MODULES if (n := len(p.read_text().splitlines())) > 300}
    assert not long


def length_limit(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Compiled loops may be longer: cut into functions they would pass many scalars around."""
    compiled = any(isinstance(d, ast.Name) and d.id == "kernel" for d in node.decorator_list)
    return 80 if compiled else 45


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": size
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or node.lineno) - node.lineno + 1) > length_limit(node)
    }
    assert not long


def test_every_module_has_a_docstring() -> None:
    assert not [str(p.relative_to(ROOT)) for p in MODULES if not ast.get_docstring(ast.parse(p.read_text()))]


def test_only_the_ros_folder_imports_rclpy() -> None:
    own = ROOT / "scorehoi_ros" / "ros"
    pattern = re.compile(r"^\s*(?:import|from)\s+(?:rclpy|scorehoi_ros\.(?:msg|srv))\b", re.MULTILINE)
    assert not [str(p) for p in MODULES if not p.is_relative_to(own) and pattern.search(p.read_text())]


def test_no_path_of_some_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked_text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found


def test_machine_path_rule_can_fail() -> None:
    assert MACHINE_PATH.search("open('" + "/home" + "/me/x')")
    assert not MACHINE_PATH.search("see ../lab/notes and ~/lab")


def test_no_pickle_is_loaded() -> None:
    unsafe = re.compile(r"allow_pickle\s*=\s*True|\bpickle\.loads?\(")
    assert not [str(p) for p in MODULES if unsafe.search(p.read_text())]


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "LICENSE",
        "NOTICE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "scorehoi_ros/py.typed",
    ],
)
def test_house_file_is_there(name: str) -> None:
    assert (ROOT / name).is_file()


def test_what_contributing_points_to_is_there() -> None:
    """Files and folders in backticks, and links."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:[\w.]+/)+[\w.]*)`", text) + re.findall(r"\]\(([^)]+)\)", text)
    assert len(named) > 10
    assert not [n for n in named if "NAME" not in n and not any((r / n).exists() for r in (ROOT, PACKAGE))]


def headings(page: Path) -> set[str]:
    """Of a page, as links name them."""
    titles = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        name, _, heading = link.partition("#")
        there = page.parent / name if name else page
        if not link.startswith("http") and (
            not there.exists() or (heading and heading not in headings(there))
        ):
            wrong.append(link)
    assert not wrong


def test_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_every_model_file_is_in_the_manifest_and_the_notice() -> None:
    """After a change: tools/hash_models.py."""
    models, notice = ROOT / "models", (ROOT / "NOTICE").read_text()
    manifest = json.loads((models / "manifest.json").read_text())
    paths = [p for p in models.rglob("*") if p.is_file() and p.name != "manifest.json"]
    files = {str(p.relative_to(models)): p for p in paths}
    assert set(manifest) == set(files)
    for name, path in files.items():
        assert manifest[name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest(), name
        assert all(manifest[name][key] for key in ("what", "command", "data", "licence")), name
        assert path.name in notice


def test_one_version_everywhere() -> None:
    assert f"<version>{__version__}</version>" in (ROOT / "package.xml").read_text()
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__


def test_every_message_is_built() -> None:
    cmake = (ROOT / "CMakeLists.txt").read_text()
    files = [*ROOT.glob("msg/*.msg"), *ROOT.glob("srv/*.srv")]
    assert len(files) >= 6
    assert not [str(p) for p in files if f'"{p.relative_to(ROOT)}"' not in cmake]


def test_message_fields_are_commented_with_unit_or_meaning() -> None:
    for path in ROOT.glob("msg/*.msg"):
        fields = [line for line in path.read_text().splitlines() if re.match(r"float(32|64)", line)]
        assert not [line for line in fields if "#" not in line], path.name


def test_every_requirement_is_pinned_and_held_by_the_constraints() -> None:
    constraints = pins("constraints.txt")
    for name in ("requirements.txt", "requirements-ros.txt", "requirements-dev.txt"):
        for package, version in pins(name).items():
            if package != "setuptools":
                assert constraints[package] == version, package


def test_extras_have_the_versions_that_users_are_told() -> None:
    pinned = dict(re.findall(r'"([\w-]+)==([\w.]+)"', (ROOT / "setup.py").read_text()))
    told = (ROOT / "docs" / "install.md").read_text() + (PACKAGE / "inventory" / "parts.py").read_text()
    named = {name: version for name, version in re.findall(r"\b([\w-]+)==([\d.]+\d)", told) if name in pinned}
    assert {"anny", "smplx"} <= named.keys() and named.items() <= pinned.items()
