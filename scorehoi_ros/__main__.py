"""The program `scorehoi`: an interrupt ends it with one line, also while everything else is imported.

What is imported here first is there when Python starts.
"""

import _signal
import os
import sys
from typing import Any


def main(words: list[str] | None = None) -> int:
    """Run the command line, or `words` in its place; the exit code."""
    for number in (_signal.SIGINT, _signal.SIGTERM):
        _signal.signal(number, _end)
    from scorehoi_ros.cli import main as run

    return run(words)


def _end(*_: Any) -> None:
    """Nothing has begun that could be tidied up."""
    os.write(2, b"scorehoi: interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
