"""The launch files under launch and launch_ros, asserted with launch_testing, against the supervisor."""

import json
import os
from pathlib import Path

import pytest

from waypilot.report.results import without_wall_clock
from waypilot.supervisor.reserve import claim_domain

ROOT = Path(__file__).resolve().parents[2]
RUN_S = 200.0

if str(ROOT / "ros2_ws" / "install") not in os.environ.get("AMENT_PREFIX_PATH", "").split(":"):
    pytest.skip("needs the ROS environment: source scripts/ros_env.sh", allow_module_level=True)

WHY = "needs launch, launch_ros and launch_testing, which an ordinary ROS 2 has and PyPI has not"
launch_testing = pytest.importorskip("launch_testing", reason=WHY)
asserts = pytest.importorskip("launch_testing.asserts", reason=WHY)
pytest.importorskip("launch_ros.actions", reason=WHY)
launch = pytest.importorskip("launch", reason=WHY)

pytestmark = [pytest.mark.system, pytest.mark.ros, pytest.mark.timeout(600)]


def results(folder):
    return without_wall_clock(json.loads((folder / "results.json").read_text()))


@pytest.fixture
def launch_file():
    """Run a launch file until it ends or its processes have said some texts.

    Returns its exit code and what launch_testing knows of its processes.
    """
    claim = claim_domain(81)

    def run(name, end_after=(), **arguments):
        processes = launch_testing.ActiveProcInfoHandler()
        awaited = list(end_after)

        def listen(event):
            said = [text for text in awaited if text.encode() in event.text]
            awaited[:] = [text for text in awaited if text not in said]
            return end if said and not awaited else None

        words = {key: str(value) for key, value in {"domain_id": claim.domain_id, **arguments}.items()}
        source = launch.launch_description_sources.PythonLaunchDescriptionSource(
            str(ROOT / "launch" / f"{name}.launch.py")
        )
        end = launch.actions.EmitEvent(event=launch.events.Shutdown(reason="time is up"))
        service = launch.LaunchService()
        service.include_launch_description(
            launch.LaunchDescription(
                [
                    launch.actions.IncludeLaunchDescription(source, launch_arguments=words.items()),
                    launch.actions.RegisterEventHandler(
                        launch.event_handlers.OnProcessExit(on_exit=lambda event, _: processes.append(event))
                    ),
                    launch.actions.RegisterEventHandler(
                        launch.event_handlers.OnProcessIO(on_stdout=listen, on_stderr=listen)
                    ),
                    launch.actions.TimerAction(period=RUN_S, actions=[end]),
                ]
            )
        )
        return service.run(), processes

    yield run
    claim.release()


def test_drives_and_their_replay_are_those_of_the_supervisor(launch_file, start_run, tmp_path):
    launched = tmp_path / "launched"
    code, processes = launch_file(
        "closed_loop", policy="expert", scenarios="turn_clear", bags=True, output_dir=launched
    )
    assert code == 0
    assert len(processes.process_names()) == 7
    asserts.assertExitCodes(processes)

    run, supervised = start_run("supervised", scenarios="turn_clear")
    assert run.wait(RUN_S) == 0
    assert results(launched) == results(supervised)

    replayed = tmp_path / "replayed"
    (bag,) = (launched / "bags").iterdir()
    code, processes = launch_file("offline_replay", policy="expert", bag=bag, output_dir=replayed)
    assert code == 0
    asserts.assertExitCodes(processes)
    assert (replayed / "predictions.jsonl").stat().st_size > 0


def test_nodes_alone_run_until_they_are_told_to_end(launch_file, tmp_path):
    ready = ("policy expert is ready", "controller is ready", "waits for a route")
    code, processes = launch_file("stack", end_after=ready, policy="expert", output_dir=tmp_path)
    assert code == 0
    assert len(processes.process_names()) == 3
    asserts.assertExitCodes(processes)


def test_a_failed_run_ends_with_an_error(launch_file, tmp_path):
    code, _ = launch_file("offline_replay", policy="expert", bag=tmp_path / "nothing", output_dir=tmp_path / "out")
    assert code == 1
