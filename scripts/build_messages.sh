#!/usr/bin/env bash
# Build msg/ and srv/ with rosidl and install them into the virtual environment given (default .venv), and
# tf2_msgs, which is not on PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$(cd "${1:-.venv}" && pwd)

export AMENT_PREFIX_PATH=$venv CMAKE_PREFIX_PATH=$venv PATH=$venv/bin:$PATH
unset PYTHONPATH LD_LIBRARY_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
"$venv/bin/python" scripts/relocate_ros_wheels.py
rm -rf build/messages build/tf2_msgs

build() { # build SOURCE BUILD: one package of messages
  cmake -S "$1" -B "$2" -DCMAKE_INSTALL_PREFIX="$venv" -DCMAKE_BUILD_TYPE=Release \
    -DPython3_EXECUTABLE="$venv/bin/python" -DPython3_FIND_VIRTUALENV=ONLY \
    -DBUILD_TESTING=OFF -DSCOREHOI_INSTALL_PACKAGE=OFF
  cmake --build "$2" --parallel "$(nproc)"
  cmake --install "$2"
}

build . build/messages
build scripts/tf2_msgs build/tf2_msgs
# ament registers an egg of this name; pip would take it for an older version and remove the messages with it.
rm -rf "$venv"/lib/python3.*/site-packages/scorehoi_ros-*.egg-info
"$venv/bin/python" -c "from scorehoi_ros.msg import Interaction; from scorehoi_ros.srv import SetObjectPrompt; from tf2_msgs.msg import TFMessage"
