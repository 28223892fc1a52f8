"""What ``.ci/run`` makes of the outcomes of its two parts."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLOSING_LINE = "==== 12 passed ===="


def program(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def run(tmp_path):
    """Run a copy of the script beside programs that only end with the given exit codes."""

    def start(containers, tests, setup=0):
        (tmp_path / ".ci").mkdir()
        shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
        program(tmp_path / "bin" / "chromium", "exit 0")
        codes = f"case $1 in setup) exit {setup};; test) echo '{CLOSING_LINE}'; exit {tests};; *) exit 99;; esac"
        program(tmp_path / "bin" / "make", codes)
        program(tmp_path / "scripts" / "docker_test.sh", containers)
        limit_s = 1 if containers.startswith("sleep") else 60
        environment = {
            **os.environ,
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "DOCKER_TEST_LIMIT_S": str(limit_s),
        }
        return subprocess.run(
            [tmp_path / ".ci" / "run"], env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return start


@pytest.mark.parametrize(
    ("containers", "tests", "code", "said"),
    [
        ("exit 0", 0, 0, "containers: tested"),
        ("exit 77", 0, 0, "containers: NOT TESTED"),
        ("exit 1", 0, 1, "containers: FAILED with exit code 1"),
        ("sleep 10", 0, 124, "containers: FAILED, not done within 1 s"),
        ("exit 0", 2, 2, "containers: tested"),
        ("exit 77", 2, 2, "containers: NOT TESTED"),
        ("exit 1", 2, 2, "containers: FAILED"),
    ],
)
def test_either_failure_fails_and_the_test_command_has_the_last_word(run, containers, tests, code, said):
    done = run(containers, tests)
    assert done.returncode == code
    assert said in done.stdout
    assert done.stdout.splitlines()[-1] == CLOSING_LINE


def test_nothing_is_tested_without_an_environment(run):
    done = run("echo containers ran", 0, setup=3)
    assert done.returncode == 3
    assert done.stdout == ""
