"""Where the development data are; tests that need them skip when they are absent."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.exists(), reason="needs the real photos and clips in ../shared/data"
)
