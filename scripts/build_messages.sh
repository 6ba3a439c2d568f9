#!/usr/bin/env bash
# Build msg/ and srv/ with rosidl and install them into the virtual environment given (default .venv).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$(cd "${1:-.venv}" && pwd)

export AMENT_PREFIX_PATH=$venv CMAKE_PREFIX_PATH=$venv PATH=$venv/bin:$PATH
unset PYTHONPATH LD_LIBRARY_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
"$venv/bin/python" scripts/relocate_ros_wheels.py
rm -rf build/messages
cmake -S . -B build/messages -DCMAKE_INSTALL_PREFIX="$venv" -DCMAKE_BUILD_TYPE=Release \
  -DPython3_EXECUTABLE="$venv/bin/python" -DPython3_FIND_VIRTUALENV=ONLY \
  -DBUILD_TESTING=OFF -DSCOREHOI_INSTALL_PACKAGE=OFF
cmake --build build/messages --parallel "$(nproc)"
cmake --install build/messages
# ament registers an egg of this name; pip would take it for an older version and remove the messages with it.
rm -rf "$venv"/lib/python3.*/site-packages/scorehoi_ros-*.egg-info
"$venv/bin/python" -c "from scorehoi_ros.msg import Interaction; from scorehoi_ros.srv import SetObjectPrompt; import rclpy"
