#!/usr/bin/env bash
# Builds the images and drives the standard suite over separate containers, for real (make docker-test).
#
# Uses the Docker engine and compose that are there. Without an engine, and as root on Debian, it installs Debian's own and
# runs it for the time of the test; compose and buildx then come from the Debian release after. Where the base image
# cannot be pulled, one made of Debian's packages stands in for it; the Dockerfile is the same.
# Exit codes: that of the tests; 77 when there is no engine and none can be started here.
set -Eeuo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/out/docker_test
mkdir -p "$work"
say() { printf '[docker-test %4ds] %s\n' "$SECONDS" "$*"; }
unavailable() { printf '[docker-test] not run: %s\n' "$*" >&2; exit 77; }

started=
stop_engine() {
  [ -n "$started" ] || return 0
  kill "$started" 2>/dev/null || return 0
  for _ in $(seq 400); do kill -0 "$started" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$started" 2>/dev/null || true
}
trap stop_engine EXIT
trap 'echo "[docker-test] failed in line $LINENO: $BASH_COMMAND" >&2' ERR

engine_answers() { timeout 10 docker info >/dev/null 2>&1; }

install_engine() {
  [ "$(id -u)" = 0 ] || unavailable "no Docker engine answers, and only root can start one"
  command -v apt-get >/dev/null || unavailable "no Docker engine answers, and it is installed with apt-get only"
  say "installing Debian's Docker engine"
  apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io iptables mmdebstrap >"$work/apt.log" 2>&1 \
    || unavailable "Debian's docker.io cannot be installed (log: $work/apt.log)"
}

start_engine() {
  # An engine that was killed leaves its pid file, and another process may have got its number.
  local pid_file=/var/run/docker.pid
  if [ -f "$pid_file" ] && ! grep -qs dockerd "/proc/$(cat "$pid_file")/comm"; then rm -f "$pid_file"; fi
  say "starting the engine (log: ${work#"$root"/}/dockerd.log)"
  setsid dockerd >"$work/dockerd.log" 2>&1 &
  started=$!
  local end=$((SECONDS + 60))
  while [ "$SECONDS" -lt "$end" ]; do
    engine_answers && return
    kill -0 "$started" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$work/dockerd.log" >&2
  unavailable "the engine does not start here"
}

# The archive that this machine's own packages come from.
debian_mirror() {
  cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null \
    | sed -nE 's/^URIs: +//p; s/^deb +(\[[^]]*\] +)?([^ ]+) .*/\2/p' | head -n 1 || true
}

# Compose v2 and buildx for Debian's engine, unpacked beside the test; nothing of the system changes.
unpack_compose() {
  export DOCKER_CONFIG=$work/config
  [ -x "$DOCKER_CONFIG/cli-plugins/docker-compose" ] && return
  say "fetching compose and buildx"
  local lists=$work/apt
  mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial" "$DOCKER_CONFIG/cli-plugins"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) trixie main" >"$lists/sources"
  local options=(-qq -o "Dir::Etc::sourcelist=$lists/sources" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$lists/lists"
    -o "Dir::Cache=$lists/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update \
    && (cd "$lists" && apt-get "${options[@]}" download docker-compose/trixie docker-buildx/trixie) \
    || unavailable "compose and buildx cannot be fetched from Debian"
  for deb in "$lists"/*.deb; do dpkg-deb -x "$deb" "$lists"; done
  cp "$lists"/usr/libexec/docker/cli-plugins/* "$DOCKER_CONFIG/cli-plugins/"
}

# The registry's image, or the same packages from Debian's archive under another name.
choose_base() {
  local wanted=debian:bookworm-slim stand_in=waypilot-test/debian:bookworm-slim
  if docker image inspect "$wanted" >/dev/null 2>&1 || timeout 120 docker pull --quiet "$wanted" >/dev/null 2>&1; then
    export BASE_IMAGE=$wanted
    return
  fi
  export BASE_IMAGE=$stand_in
  docker image inspect "$stand_in" >/dev/null 2>&1 && return
  say "no image registry: making the base image from Debian's packages"
  command -v mmdebstrap >/dev/null || apt-get install -y -qq --no-install-recommends mmdebstrap >>"$work/apt.log" 2>&1
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$work/pip.conf"
  mmdebstrap --quiet --variant=minbase --include=ca-certificates,passwd \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --customize-hook='copy-in /usr/local/share/ca-certificates /usr/local/share' \
    --customize-hook="copy-in $work/pip.conf /etc" --customize-hook='chroot "$1" update-ca-certificates' \
    --customize-hook='rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*' \
    bookworm - "$(debian_mirror)" 2>"$work/mmdebstrap.log" | docker import -c 'CMD ["bash"]' - "$stand_in" >/dev/null \
    || unavailable "no base image: no registry answers, and none can be made of Debian's packages (log: $work/mmdebstrap.log)"
}

# Wheels that pip finds in a folder here (PIP_FIND_LINKS): torch's CPU build, where no index of it can be reached.
choose_wheels() {
  local folder=${PIP_FIND_LINKS:-}
  [ -n "$folder" ] && ls "$folder"/torch-*.whl >/dev/null 2>&1 || return 0
  tar -C "$folder" -cf - . | docker import - waypilot-test/wheels:latest >/dev/null
  export WHEELS_IMAGE=waypilot-test/wheels:latest
}

# A client without plugins may come first in PATH; Debian's sits in /usr/bin.
[ ! -x /usr/bin/docker ] || PATH=/usr/bin:$PATH
if ! engine_answers; then
  command -v dockerd >/dev/null || install_engine
  PATH=/usr/bin:$PATH
  engine_answers || start_engine
fi
docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1 || unpack_compose
choose_base
choose_wheels
say "engine $(docker version --format '{{.Server.Version}}'), compose $(docker compose version --short), base $BASE_IMAGE"
source "$root/scripts/ros_env.sh"
cd "$root"
WAYPILOT_DOCKER_TEST=1 python -m pytest tests/docker -rP -p no:cacheprovider -o faulthandler_timeout=2500 "$@"
