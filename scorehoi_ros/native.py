"""Lines that image libraries print past Python, kept from the user's terminal.

libjpeg, libpng and OpenCV write their remarks straight to the standard error, once for each image and without
its name.  Damage that matters is reported by those who decode.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

REMARKS = (
    b"libpng warning:", b"libpng error:", b"Corrupt JPEG data:", b"Premature end of JPEG", b"Invalid ",
    b"Warning: unknown JFIF", b"Inconsistent progression", b"[ WARN:", b"[ERROR:",
)  # fmt: skip
"""How their lines begin; `Invalid SOS parameters`, `Invalid component ID` and the like are libjpeg's, those
in brackets OpenCV's own."""
_STDERR = 2
_log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Lines of image libraries go to the log (debug); all others that come meanwhile come out afterwards."""
    with _one_at_a_time:
        try:
            terminal = os.dup(_STDERR)
        except OSError:  # a process without a standard error
            terminal = -1
        if terminal < 0:
            yield
            return
        heard = os.memfd_create("stderr")
        os.dup2(heard, _STDERR)
        try:
            yield
        finally:
            os.dup2(terminal, _STDERR)
            said = os.pread(heard, os.fstat(heard).st_size, 0)
            os.close(heard)
            _tell(said, terminal)
            os.close(terminal)


def _tell(said: bytes, terminal: int) -> None:
    for line in said.splitlines(keepends=True):
        if line.startswith(REMARKS) or not line.strip():  # OpenCV's end with an empty line
            _log.debug("%s", line.decode(errors="replace").strip())
        else:
            os.write(terminal, line)
