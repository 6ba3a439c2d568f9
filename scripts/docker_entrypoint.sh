#!/usr/bin/env bash
# Entry point of the image: ROS, this package and the virtual environment, then the command.
set -eo pipefail # not -u: ROS's setup files read variables that are not set
source /opt/ros/jazzy/setup.bash
source /opt/scorehoi/setup.bash
exec "$@"
