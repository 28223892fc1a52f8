"""The supervisor with dummy processes: whatever happens, everything ends, and it says why."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from waypilot.supervisor import runner
from waypilot.supervisor.child import describe_exit
from waypilot.supervisor.failure import FAILURE_FILE
from waypilot.supervisor.reserve import claim_domain, free_port
from waypilot.supervisor.runner import Patience, Supervisor
from waypilot.supervisor.table import ProcessSpec

QUICK = Patience(record_s=7.0, interrupt_s=0.5, terminate_s=0.5)
# For processes that are to end by themselves, on a machine that is busy as well.
PATIENT = Patience(record_s=0.0, interrupt_s=4.5, terminate_s=0.4)
WAIT_S = 60.0

EVALUATOR = """
    import signal, sys, time, pathlib
    def stop(*_):
        pathlib.Path("recorded").write_text(pathlib.Path("run/stack_failure.json").read_text())
        sys.exit(1)
    signal.signal(signal.SIGINT, stop)
    print("evaluating", flush=True)
    time.sleep(200)
"""


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def supervise(workdir):
    """Run processes given as {name: source}, the evaluator being the one that ends the run."""
    lines = []

    def run(**sources):
        for name, source in sources.items():
            (workdir / f"{name}.py").write_text(textwrap.dedent(source))
        specs = [ProcessSpec(name, module=name, ends_run=name == "evaluator") for name in sources]
        environment = {**os.environ, "PYTHONPATH": str(workdir)}
        started = time.monotonic()
        code = Supervisor(specs, workdir / "run", environment, lines.append, QUICK).run()
        return code, time.monotonic() - started, lines

    return run


def wait_until(condition):
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def pid_is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_evaluators_exit_code_is_that_of_the_run_and_the_others_are_ended(supervise, workdir):
    code, _, lines = supervise(
        node="import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(30)",
        evaluator="""
            import pathlib, time
            while not pathlib.Path("pid").exists(): time.sleep(0.02)
            print("straight_clear: completed", flush=True)
            raise SystemExit(3)
        """,
    )
    assert code == 3
    assert "straight_clear: completed" in lines
    assert not pid_is_alive(int((workdir / "pid").read_text()))
    assert not (workdir / "run" / FAILURE_FILE).exists()


def test_the_death_of_a_node_ends_the_run_and_the_evaluator_can_record_why(supervise, workdir):
    code, took_s, lines = supervise(
        node="""
            import os, pathlib, signal, time
            log = pathlib.Path("run/logs/evaluator.log")
            while not (log.exists() and "evaluating" in log.read_text()): time.sleep(0.02)
            print("the last words", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        evaluator=EVALUATOR,
    )
    failure = json.loads((workdir / "recorded").read_text())
    assert code == 1
    assert failure == {
        "process": "node",
        "reason": "was killed by SIGKILL",
        "exit_code": -9,
        "last_log_line": "the last words",
    }
    assert took_s < WAIT_S
    assert any("node was killed by SIGKILL" in line for line in lines)


def test_an_evaluator_that_ends_between_two_looks_at_it_has_not_failed(supervise, workdir, monkeypatch):
    read = runner._LogFollower.report_new_lines

    def read_slowly(follow):
        read(follow)
        time.sleep(0.5)  # the evaluator, which was running just now, ends meanwhile

    monkeypatch.setattr(runner._LogFollower, "report_new_lines", read_slowly)
    code, _, _ = supervise(node="import time; time.sleep(200)", evaluator="")
    assert code == 0
    assert not (workdir / "run" / FAILURE_FILE).exists()


def test_a_node_that_ends_by_itself_with_code_0_is_a_failure_too(supervise):
    code, _, lines = supervise(node="pass", evaluator=EVALUATOR)
    assert code == 1
    assert any("node exited with code 0" in line for line in lines)


def test_processes_that_ignore_every_signal_and_their_children_are_killed(supervise, workdir):
    code, took_s, _ = supervise(
        node="""
            import os, pathlib, signal, subprocess, sys, time
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(200)"])
            pathlib.Path("pids.tmp").write_text(f"{os.getpid()} {child.pid}")
            os.replace("pids.tmp", "pids")
            time.sleep(200)
        """,
        evaluator="""
            import pathlib, time
            while not pathlib.Path("pids").exists(): time.sleep(0.02)
        """,
    )
    assert code == 0
    assert took_s < WAIT_S
    pids = (workdir / "pids").read_text().split()
    wait_until(lambda: not any(map(pid_is_alive, pids)))  # killed, and gone as soon as the machine gets to it


def test_a_server_is_ended_after_those_who_use_it(workdir):
    ends = """
        import pathlib, signal, sys, time
        def stop(*_):
            time.sleep({pause})
            with pathlib.Path("order").open("a") as order: order.write("{name} ")
            sys.exit()
        signal.signal(signal.SIGINT, stop)
        pathlib.Path("{name}.up").touch()
        time.sleep(30)
    """
    evaluator = """
        import pathlib, time
        while not (pathlib.Path("server.up").exists() and pathlib.Path("client.up").exists()): time.sleep(0.02)
    """
    (workdir / "server.py").write_text(textwrap.dedent(ends.format(name="server", pause=0.0)))
    (workdir / "client.py").write_text(textwrap.dedent(ends.format(name="client", pause=0.2)))
    (workdir / "evaluator.py").write_text(textwrap.dedent(evaluator))
    specs = [
        ProcessSpec("server", module="server", ends_last=True),
        ProcessSpec("client", module="client"),
        ProcessSpec("evaluator", module="evaluator", ends_run=True),
    ]
    Supervisor(specs, workdir / "run", {**os.environ, "PYTHONPATH": str(workdir)}, lambda _: None, PATIENT).run()
    assert (workdir / "order").read_text().split() == ["client", "server"]


def test_an_evaluator_killed_by_a_signal_is_a_failed_run(supervise, workdir):
    code, _, _ = supervise(evaluator="import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert code == 1
    assert json.loads((workdir / "run" / FAILURE_FILE).read_text())["reason"] == "was killed by SIGSEGV"


SUPERVISING = """
    import os, sys
    from pathlib import Path
    from waypilot.supervisor.runner import Patience, Supervisor
    from waypilot.supervisor.table import ProcessSpec
    specs = [ProcessSpec("node", module="node"), ProcessSpec("evaluator", module="evaluator", ends_run=True)]
    patience = Patience(record_s=7.0, interrupt_s=0.5, terminate_s=0.5)
    sys.exit(Supervisor(specs, Path("run"), {**os.environ, "PYTHONPATH": os.getcwd()}, patience=patience).run())
"""
NODE = """
    import os, pathlib, time
    pathlib.Path("pid.tmp").write_text(str(os.getpid()))
    os.replace("pid.tmp", "pid")
    time.sleep(200)
"""


@pytest.fixture
def supervising(workdir):
    for name, source in (("supervising", SUPERVISING), ("node", NODE), ("evaluator", EVALUATOR)):
        (workdir / f"{name}.py").write_text(textwrap.dedent(source))
    process = subprocess.Popen([sys.executable, "supervising.py"], cwd=workdir)
    log = workdir / "run/logs/evaluator.log"
    try:
        wait_until(lambda: (workdir / "pid").exists() and log.exists() and "evaluating" in log.read_text())
        yield process
    finally:
        process.kill()
        process.wait()


def test_an_interrupt_of_the_supervisor_is_recorded_and_ends_everything(supervising, workdir):
    supervising.send_signal(signal.SIGTERM)
    assert supervising.wait(WAIT_S) == 1
    assert json.loads((workdir / "recorded").read_text())["reason"] == "was stopped by SIGTERM"
    assert not pid_is_alive((workdir / "pid").read_text())


def test_nothing_outlives_a_supervisor_that_was_killed(supervising, workdir):
    pid = (workdir / "pid").read_text()
    assert pid_is_alive(pid)
    supervising.kill()
    supervising.wait()
    wait_until(lambda: not pid_is_alive(pid))


def test_patience_must_stay_below_ten_seconds():
    with pytest.raises(ValueError, match="over within 10 s"):
        Patience(record_s=8.0, interrupt_s=2.0, terminate_s=1.0)


def test_exit_codes_in_words():
    assert describe_exit(0) == "exited with code 0"
    assert describe_exit(-9) == "was killed by SIGKILL"
    assert describe_exit(-64) == "was killed by SIGRTMAX" or "signal 64" in describe_exit(-64)


def test_a_claimed_domain_is_not_given_out_twice():
    first = claim_domain(77)
    second = claim_domain(first.domain_id)
    try:
        assert second.domain_id != first.domain_id
    finally:
        first.release()
        second.release()
    again = claim_domain(first.domain_id)
    again.release()
    assert again.domain_id == first.domain_id


def test_a_free_port_has_free_neighbours():
    port = free_port(count=3)
    for offset in range(3):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port + offset))
