"""The layers of docs/architecture.md: who may import whom."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "scorehoi_ros"
TABLE = ROOT / "docs" / "architecture.md"
GENERATED = ("msg", "srv")
"""Made by rosidl; `test_house.py` says who may import them."""
IN_TEXT = re.compile(r"scorehoi_ros((?:\.\w+)+)\.?")


def read_layers(text: str) -> list[list[str]]:
    """Rows of the table of layers, each a list of modules (`files`) and folders (`body/`)."""
    table = text.split("| layer |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in table]


def module_name(path: Path) -> str:
    """Dotted name inside the package: "body.layer", "body" for its `__init__`, "" for the package's own."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
LAYERS = read_layers(TABLE.read_text())
ROW = {entry: number for number, row in enumerate(LAYERS) for entry in row}


def entry_of(name: str) -> str | None:
    """The entry of the table that a module belongs to, None when it has none."""
    if not name:
        return "__init__" if "__init__" in ROW else None
    path = name.replace(".", "/")
    if path in ROW:
        return path
    return next((e for e in ROW if e.endswith("/") and f"{path}/".startswith(e)), None)


def imported(source: str, name: str = "") -> set[str]:
    """Modules of the package that a source imports: at the top, late, for types, or by name in a text."""
    tree = ast.parse(source)
    programs = {id(text) for node in ast.walk(tree) if isinstance(node, ast.List) for text in _started(node)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: relative imports are not used here"
            found.update(_from(node))
        elif isinstance(node, ast.Import):
            found.update(a.name[13:] for a in node.names if f"{a.name}.".startswith("scorehoi_ros."))
        elif isinstance(node, ast.Constant) and id(node) not in programs:
            found.update(match[1][1:] for match in [IN_TEXT.fullmatch(str(node.value))] if match)
    return {target for target in found if target.split(".")[0] not in GENERATED and target != name}


def _from(node: ast.ImportFrom) -> Iterator[str]:
    if f"{node.module}.".startswith("scorehoi_ros."):
        base = (node.module or "")[13:]
        for alias in node.names:
            full = f"{base}.{alias.name}".lstrip(".")
            yield full if full in MODULES else base


def _started(node: ast.List) -> Iterator[ast.expr]:
    """Modules in `["-m", "module"]`: a program of its own, not an import."""
    for flag, module in zip(node.elts, node.elts[1:], strict=False):
        if isinstance(flag, ast.Constant) and flag.value == "-m":
            yield module


IMPORTS = {name: imported(path.read_text(), name) for name, path in MODULES.items()}


def complaint(name: str, target: str) -> str | None:
    """Why `name` may not import `target`, None when it may."""
    mine, other = entry_of(name), entry_of(target)
    if mine is None or other is None or mine == other or ROW[other] < ROW[mine]:
        return None
    return f"{name} imports {target}: {other} is not above {mine}"


def test_every_module_is_in_the_table() -> None:
    """But for `__init__` files of folders, which hold nothing."""
    bare = {name for name in MODULES if not entry_of(name)}
    assert not [n for n in bare if n not in MODULES or len(ast.parse(MODULES[n].read_text()).body) > 1]


def test_everything_in_the_table_is_there_once() -> None:
    entries = [entry for row in LAYERS for entry in row]
    assert len(entries) == len(set(entries)) > 20
    assert not [e for e in entries if not (PACKAGE / (e if e.endswith("/") else f"{e}.py")).exists()]


def test_imports_go_up() -> None:
    assert not [text for name in MODULES for target in IMPORTS[name] if (text := complaint(name, target))]


def test_no_circles() -> None:
    """Not between any two modules, late imports and imports for types included."""
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1][::-1]))


def test_methods_are_imported_by_the_registry_alone_and_the_registry_by_load() -> None:
    """But a method may have another one, above it, do a part: `score` is `regress` with another descent.

    And what corrects the answers of a method is trained on them.
    """
    for name, targets in IMPORTS.items():
        methods = {t for t in targets if t.startswith("methods.") and entry_of(t) != entry_of(name)}
        allowed = {"methods.registry"} if name == "load" else set()
        if name == "methods.registry":
            allowed = methods
        elif name == "train.refined":
            allowed = {t for t in methods if t.startswith("methods.regress.")}
        elif name.startswith("methods."):
            allowed = {t for t in methods if t.endswith(".method") or name.startswith("methods.score.")}
        assert methods <= allowed, f"{name} imports {methods - allowed}"


@pytest.mark.parametrize(
    "source",
    [
        "from scorehoi_ros.cli import main",
        "import scorehoi_ros.cli",
        "from scorehoi_ros import cli",
        "def late():\n    from scorehoi_ros.cli import main",
        "if TYPE_CHECKING:\n    from scorehoi_ros.cli import main",
        "importlib.import_module('scorehoi_ros.cli')",
        "importlib.import_module(f'scorehoi_ros.commands.{name}')",
        "HOME = {'main': 'scorehoi_ros.commands.eval'}",
    ],
)
def test_the_rule_can_fail(source: str) -> None:
    assert any(complaint("geometry.mesh", target) for target in imported(source))


def test_what_is_no_import_passes() -> None:
    assert not imported("run([python, '-m', 'scorehoi_ros.cli'])\nname = 'see scorehoi_ros.cli'")
    assert complaint("synth.scene.draft", "synth.picture.light") and complaint("body.layer", "objects.load")
    assert not complaint("body.layer", "body.model") and not complaint("body.layer", "geometry.rotation")
