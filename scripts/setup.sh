#!/usr/bin/env bash
# Everything `make test` and `make demo` need, on Debian 12: system packages, .venv, messages, this package.
# A second run does nothing but compare a stamp.  One line a step; the full output of a step is in build/*.log.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
mkdir -p build

step() { # step LOGNAME "text" command...: run quietly, show the end of the log when it fails
  local log=build/$1.log text=$2 start=$SECONDS
  shift 2
  printf 'setup: %s ... ' "$text"
  if "$@" >"$log" 2>&1; then
    printf 'done (%d s)\n' $((SECONDS - start))
  else
    printf 'FAILED\n'
    tail -n 15 "$log" >&2
    printf 'setup: %s failed; the whole output is in %s\n' "$text" "$log" >&2
    exit 1
  fi
}

stamp_key() { # what the environment depends on; a change here makes it anew where needed
  cat requirements.txt requirements-ros.txt requirements-dev.txt constraints.txt "$@" | sha256sum | cut -d' ' -f1
}

fresh() { [ -f "$venv/stamp.$1" ] && [ "$(cat "$venv/stamp.$1")" = "$2" ]; }

make_venv() {
  [ -x "$venv/bin/python" ] && "$venv/bin/python" -c "" && return
  rm -rf "$venv"
  "$python" -m venv "$venv"
}

install_requirements() {
  PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install --quiet --constraint constraints.txt \
    -r requirements.txt -r requirements-ros.txt -r requirements-dev.txt
}

install_package() {
  PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
}

packages_key=$(stamp_key)
messages_key=$(stamp_key msg/*.msg srv/*.srv CMakeLists.txt package.xml scorehoi_ros/__init__.py scripts/build_messages.sh scripts/relocate_ros_wheels.py $(find scripts/tf2_msgs -type f))
package_key=$(cat setup.py pyproject.toml scorehoi_ros/__init__.py | sha256sum | cut -d' ' -f1)

scripts/apt_packages.sh
python=${PYTHON:-$(command -v /usr/bin/python3.11 || command -v python3.11 || true)}
if [ -z "$python" ]; then
  echo "setup: python3.11 not found; install it or name it: make test PYTHON=/path/to/python3.11" >&2
  exit 1
fi
if ! fresh packages "$packages_key"; then
  step venv "virtual environment $venv" make_venv
  step pip "pinned Python packages (some hundred MB)" install_requirements
  rm -f "$venv"/stamp.*
  echo "$packages_key" >"$venv/stamp.packages"
fi
if ! fresh messages "$messages_key"; then
  step messages "messages (rosidl)" scripts/build_messages.sh "$venv"
  echo "$messages_key" >"$venv/stamp.messages"
fi
if ! fresh package "$package_key"; then
  step package "scorehoi_ros (editable)" install_package
  echo "$package_key" >"$venv/stamp.package"
fi
