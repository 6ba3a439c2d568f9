"""Makers of shipped files: what they made is what is shipped, and each says how it is called."""

import ast
import subprocess
import sys
from pathlib import Path

import option_table
import pytest
from measure_errors import WRONG_DEG, Error, row

ROOT = Path(__file__).parents[1]
PROGRAMS = [path for path in sorted((ROOT / "tools").glob("*.py")) if "__main__" in path.read_text()]


def test_the_page_of_settings_is_made_from_the_declarations() -> None:
    """After a change: tools/option_table.py."""
    assert (ROOT / "docs" / "options.md").read_text() == option_table.page()


def test_the_page_holds_every_setting_that_is_declared() -> None:
    """A class of settings that the tool does not know would be missing."""
    declared = [
        node.target.id
        for path in (ROOT / "scorehoi_ros").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "option"
    ]
    listed = [s.field.name for kind in option_table.GROUPS for s in option_table.settings_of(kind)]
    assert sorted(listed) == sorted(declared) and len(declared) > 20


def test_places_of_right_and_wrong_rotations_are_told_apart() -> None:
    right, wrong = Error(WRONG_DEG, 4.0, 2.0, 8.0, 50.0), Error(WRONG_DEG + 1, 12.0, 6.0, 16.0, 60.0)
    assert row("all", [right, wrong]) == "| all | 2 | 0.50 | 4.0 | 2.0 | 12.0 | 6.0 | 12.0 | 55.0 |"
    assert row("none wrong", [right]) == "| none wrong | 1 | 0.00 | 4.0 | 2.0 | - | - | 8.0 | 50.0 |"


@pytest.mark.slow
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_help(path: Path) -> None:
    result = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0 and "usage" in result.stdout, result.stderr[-2000:]
