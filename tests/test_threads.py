"""Thread limits hold inside their block and leave nothing behind."""

import os
import subprocess
import sys

import cv2
import pytest
import torch

from scorehoi_ros.threads import limited_process, limited_threads

NAME = "OPENBLAS_NUM_THREADS"


def test_torch_is_limited_inside_the_block_also_when_it_fails() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="inside"), limited_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ValueError("inside")
    assert torch.get_num_threads() == before


def test_a_limited_process_limits_its_children_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    drawing = cv2.getNumThreads()
    with limited_process(1):
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
        code = f"import os; print(os.environ[{NAME!r}])"
        assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "1"
    assert cv2.getNumThreads() == drawing
    assert os.environ[NAME] == "7" and "MKL_NUM_THREADS" not in os.environ
