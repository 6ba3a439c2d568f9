"""Write docs/options.md from the declarations of the settings.

python tools/option_table.py
"""

import argparse
from pathlib import Path
from typing import Any

from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.config.option import Setting, settings_of
from scorehoi_ros.config.outputs import OutputConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.ros.settings import NodeConfig

PAGE = Path(__file__).parents[1] / "docs" / "options.md"
GROUPS: dict[type[Any], str] = {
    PipelineConfig: "Reconstruction: the node, `scorehoi label` and `scorehoi eval`",
    InputConfig: "Inputs: the node and `scorehoi label`",
    OutputConfig: "Outputs: the node and `scorehoi label`",
    NodeConfig: "The node alone",
}
"""Every class of settings, with the heading of its table."""
HEAD = """# Settings

Made by `python tools/option_table.py` from the declarations in `scorehoi_ros/config/` and
`scorehoi_ros/ros/settings.py`; do not edit.

A setting is a parameter of the node (`fit.first_iterations`) and an option of the commands that a heading
names (`--fit-first-iterations`); `scorehoi eval` takes object, box and gravity from the data. Wrong values
are refused with the reason. Those marked * take effect when the pipeline is built (node: at configure), the
others at the next frame.
"""


def page() -> str:
    """The whole text of docs/options.md."""
    return "\n".join([HEAD, *(table(kind, heading) for kind, heading in GROUPS.items())])


def table(kind: type[Any], heading: str) -> str:
    """One heading with the settings of a class."""
    rows = ["| setting | default | meaning | range or choices |", "|---|---|---|---|"]
    rows += [row(setting) for setting in settings_of(kind)]
    return "\n".join([f"## {heading}", "", *rows, ""])


def row(setting: Setting) -> str:
    """One setting; * = read only."""
    facts = setting.field.metadata
    name = f"`{setting.name}`" + (" *" if facts["read_only"] else "")
    meaning = facts["description"].replace("|", "\\|")
    return f"| {name} | {shown(setting.default)} | {meaning} | {limits(facts)} |"


def shown(value: Any) -> str:
    """A default as a reader writes it."""
    if value in ("", []):
        return "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def limits(facts: Any) -> str:
    """Range or choices, empty for none."""
    if facts["choices"]:
        return ", ".join(facts["choices"])
    low, high = facts["minimum"], facts["maximum"]
    return "" if low is None and high is None else f"{low:g} to {high:g}"


def main() -> None:
    """Write the page."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
