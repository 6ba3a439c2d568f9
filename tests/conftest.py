"""What holds for every test: one thread, an empty cache, DDS on this machine only, in our own domain."""

import os
import signal
import tempfile

from hypothesis import settings

# How long an example takes says something of the machine's other work.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# Two runs on one machine must not hear each other; 101 is the last domain whose ports are free on Linux.
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 101)
# What the user has installed into the cache must change no test; those of installed models look there.
os.environ.setdefault("SCOREHOI_TEST_USER_CACHE", os.environ.get("XDG_CACHE_HOME", ""))
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="scorehoi-cache-")
os.environ.setdefault("ROS_LOG_DIR", tempfile.mkdtemp(prefix="scorehoi-ros-log-"))

# A shell starts background jobs with the interrupt ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
