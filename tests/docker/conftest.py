"""The composition under test: images built once, every test with a project, addresses and results of its own."""

import itertools
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD_S = 1500
UP_S = 300
COMMAND_S = 60
#: Whom the containers run as: nobody who exists on the host, where the results' folder can be given to them.
USER_ID = 12345 if os.getuid() == 0 else os.getuid()

if os.environ.get("WAYPILOT_DOCKER_TEST") != "1":
    pytest.skip("needs a Docker engine: make docker-test", allow_module_level=True)


#: Numbers of networks and ROS domains, one for each test.
NUMBERS = itertools.count(os.getpid())


class Composition:
    """``docker compose`` with the project's name and settings."""

    def __init__(self, name, number, out):
        self.name = name
        self.helpers = []  # names of further containers on the project's network
        self.out = out
        self.environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": name,
            "SUBNET": f"172.31.{number}",
            "WAYPILOT_OUT": str(out),
            "WAYPILOT_UID": str(USER_ID),
            "WAYPILOT_GID": str(USER_ID),
            "COMPOSE_ANSI": "never",
            "ROS_DOMAIN_ID": str(number),
        }

    def run(self, *words, timeout=COMMAND_S, check=True, **settings):
        done = subprocess.run(
            ["docker", *words],
            cwd=ROOT,
            env=self.environment | settings,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, (
            f"docker {' '.join(words)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
        return done

    def compose(self, *words, **options):
        return self.run("compose", *words, **options)

    def start(self, *services, **settings):
        """Start services (all by default) in the background, in the order of their health."""
        self.compose("up", "-d", *services, timeout=UP_S, **settings)

    def container(self, service):
        return self.compose("ps", "-a", "-q", service).stdout.strip()

    def wait(self, service="evaluator", timeout=UP_S):
        """Wait until a service has ended; returns its exit code."""
        return int(self.run("wait", self.container(service), timeout=timeout).stdout)

    def logs(self, service):
        return self.compose("logs", "--no-color", "--no-log-prefix", service).stdout

    def last_words(self):
        """What every service said last, for a test that failed: its containers go away with it."""
        listing = self.compose("ps", "-a", check=False).stdout
        return listing + self.compose("logs", "--no-color", "-t", "--tail", "40", check=False).stdout

    def wait_for_log(self, service, text, timeout_s=UP_S):
        deadline_s = time.monotonic() + timeout_s
        while text not in self.logs(service):
            assert time.monotonic() < deadline_s, f"{service} did not say {text!r} within {timeout_s} s"
            time.sleep(0.3)

    def results(self, run="docker"):
        return json.loads((self.out / run / "results.json").read_text())

    def left_over(self):
        """Whatever of this project the engine still knows."""
        label = f"label=com.docker.compose.project={self.name}"
        listings = (("ps", "-a", "-q"), ("volume", "ls", "-q"), ("network", "ls", "-q"))
        return [line for words in listings for line in self.run(*words, "--filter", label).stdout.split()]

    def down(self):
        self.compose("--profile", "*", "down", "-v", "-t", "10", timeout=120)


@pytest.fixture(scope="session")
def images():
    """Build both images; their names."""
    started_s = time.monotonic()
    environment = {**os.environ, "WAYPILOT_IMAGE": "waypilot-test/waypilot", "BUILDKIT_PROGRESS": "plain"}
    log = ROOT / "out" / "docker_test" / "build.log"
    with log.open("wb") as file:
        done = subprocess.run(
            ["docker", "compose", "build", "simulator", "policy"],  # one service of each image
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=file,
            timeout=BUILD_S,
            check=False,
        )
    assert done.returncode == 0, log.read_text()[-4000:]
    os.environ["WAYPILOT_IMAGE"] = environment["WAYPILOT_IMAGE"]
    print(f"\nimages built in {time.monotonic() - started_s:.0f} s")
    return {target: f"waypilot-test/waypilot:{target}" for target in ("core", "latest")}


@pytest.fixture
def composition(images, tmp_path, request):
    out = tmp_path / "out"
    out.mkdir()
    shutil.chown(out, USER_ID, USER_ID)
    for folder in (*tmp_path.parents[:2], tmp_path):
        folder.chmod(0o755)  # pytest's are closed to others, and the containers run as somebody else
    number = 101 + next(NUMBERS) % 100  # also the ROS domain, and that knows numbers up to 232
    made = Composition(f"waypilot-test-{os.getpid()}-{number}", number, out)
    failed_before = request.session.testsfailed
    yield made
    if request.session.testsfailed > failed_before:
        print(made.last_words())
    for helper in made.helpers:
        made.run("rm", "-f", helper, check=False)
    made.down()
    assert made.left_over() == []
