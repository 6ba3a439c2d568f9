"""Keeps the start-up chatter of native libraries off the user's terminal."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

NOISE = re.compile(
    rb"^(INFO: Created TensorFlow Lite|WARNING: All log messages before absl::InitializeLog"
    rb"|[IW]\d{4} \d\d:\d\d:.*\.(cc|h):\d+\])"
)
"""Lines of TFLite and absl at levels below ERROR."""


@contextmanager
def quiet_native_log() -> Iterator[None]:
    """Drop known TFLite/absl chatter written to file descriptor 2 inside the block; pass on everything else.

    These libraries write to the descriptor itself and heed no setting, so it is diverted to a temporary file
    for the block.  Lines that are not known noise, errors above all, are written to it afterwards.
    """
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # started without a standard error: nothing to keep clean
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            caught.seek(0)
            _pass_on(caught.read())


def _pass_on(text: bytes) -> None:
    kept = b"".join(line for line in text.splitlines(keepends=True) if not NOISE.match(line))
    if kept:
        os.write(2, kept)
