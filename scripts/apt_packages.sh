#!/usr/bin/env bash
# Install the Debian packages that are missing; does nothing, and needs no rights, when none is.
set -euo pipefail

packages=(
  python3.11 python3.11-venv python3.11-dev # the interpreter; headers for the message extensions
  gcc g++ cmake make                        # rosidl's generated code
  libgl1 libglib2.0-0                       # OpenCV loads these; mediapipe brings its own EGL
)

if ! command -v dpkg-query >/dev/null; then
  echo "setup: not a Debian system; its packages for these must be there: ${packages[*]}"
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: these Debian packages are missing and sudo is not there; as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  sudo=(sudo)
fi
log=build/apt.log
printf 'setup: Debian packages %s ... ' "${missing[*]}"
start=$SECONDS
if "${sudo[@]}" apt-get update >"$log" 2>&1 &&
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
  printf 'done (%d s)\n' $((SECONDS - start))
else
  printf 'FAILED\n'
  tail -n 10 "$log" >&2
  echo "setup: apt-get failed; the whole output is in $log" >&2
  exit 1
fi
