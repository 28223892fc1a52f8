"""All nodes together on a kinematic session, run by the supervisor from the real node table."""

import json
import os
import sys
import textwrap
from pathlib import Path

import av
import pytest

from waypilot.report.results import load_results, without_wall_clock
from waypilot.supervisor import runner
from waypilot.supervisor.command import command_line
from waypilot.supervisor.resolve import resolve
from waypilot.supervisor.runner import Supervisor
from waypilot.supervisor.table import load_table

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "launch" / "stack.yaml"

SUITE = """
scenarios:
  - {name: first, map: Straight, weather: clear, start: {x_m: 0, y_m: 0.3, yaw_deg: 0}, goal: {x_m: 40, y_m: 0}}
  - {name: missing, map: Missing, weather: clear, start: {x_m: 0, y_m: 0, yaw_deg: 0}, goal: {x_m: 40, y_m: 0}}
  - {name: second, map: Straight, weather: clear, start: {x_m: 0, y_m: -0.2, yaw_deg: 2}, goal: {x_m: 70, y_m: 0}}
"""


@pytest.fixture
def run_stack(tmp_path, domain, monkeypatch):
    (tmp_path / "suite.yaml").write_text(textwrap.dedent(SUITE))

    def run(name="out", bridge_arguments=(), recorder_arguments=(), **arguments):
        def with_kinematic_session(spec, folder):
            command = command_line(spec, folder)
            if spec.name == "carla_bridge":
                command[:1] = [sys.executable, str(HERE / "fake_bridge.py"), *bridge_arguments]
            if spec.name == "recorder" and recorder_arguments:
                command[:1] = [sys.executable, str(HERE / "slow_recorder.py"), *recorder_arguments]
            return command

        monkeypatch.setattr(runner, "command_line", with_kinematic_session)
        table = load_table(TABLE)
        texts = {"policy": "expert", "scenarios": str(tmp_path / "suite.yaml"), "simulator": "none"}
        texts |= {"output_dir": str(tmp_path / name)} | arguments
        values = resolve(table.values(texts))
        lines = []
        environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "PYTHONUNBUFFERED": "1"}
        code = Supervisor(table.processes(values), tmp_path / name, environment, lines.append).run()
        return code, load_results(tmp_path / name / "results.json"), lines

    return run


def test_every_scenario_is_driven_recorded_and_reported_and_a_second_run_is_equal(run_stack, tmp_path):
    code, results, _ = run_stack()
    first, missing, second = results.results
    assert code == 1
    assert (first.status, second.status) == ("completed", "completed")
    assert missing.status == "crashed: no map 'Missing', the simulator has: Straight"
    assert first.metric("collisions_vehicle").value == 1
    assert first.metric("collisions_static").value == 1
    assert results.document["versions"]["carla_server"] == "kinematic"
    assert first.wall_clock["missed_deadlines"] == 0
    assert 'data-run="first_seed0"' in (tmp_path / "out" / "report.html").read_text()
    media = tmp_path / "out" / "scenarios" / "first_seed0"
    assert list(media.glob("*.jpg"))
    with av.open(str(media / "drive.webm")) as video:
        times_s = [frame.time for frame in video.decode(video=0)]
    frames = first.metric("frames").value
    assert times_s[0] == 0.0
    assert len(times_s) > 0.8 * frames / 3  # one of three, unless one of them got lost on its way

    _, again, _ = run_stack("again")
    assert without_wall_clock(again.document) == without_wall_clock(results.document)
    for path in (tmp_path / "out" / "scenarios").glob("*.json"):
        assert path.read_bytes() == (tmp_path / "again" / "scenarios" / path.name).read_bytes()


def test_a_simulator_that_vanishes_keeps_what_was_driven(run_stack, tmp_path):
    code, results, _ = run_stack(bridge_arguments=["--lost-after", "170"])
    assert code == 1
    assert [result.status for result in results.results] == [
        "completed",
        "crashed: no map 'Missing', the simulator has: Straight",
        "crashed: carla_bridge: SimulatorLost: no answer to the tick within 5 s",
    ]
    entries = json.loads((tmp_path / "out" / "results.json").read_text())["jobs"]
    assert len(entries) == 3


def test_a_checkpoint_that_is_not_there_is_named(run_stack, tmp_path):
    with pytest.raises(Exception, match=r"results\.json"):
        run_stack(policy="checkpoint", checkpoint=str(tmp_path / "nowhere.pt"))
    assert "nowhere.pt" in (tmp_path / "out" / "logs" / "evaluator.log").read_text()


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_every_drive_is_recorded_and_judged_again_from_its_bag_to_the_last_digit(run_stack, tmp_path, storage):
    from training.eval.recompute_metrics import main, recompute
    from waypilot.bags import Bag

    code, results, _ = run_stack(bags="true", bag_storage=storage, bag_images="both")
    assert code == 1
    for name in ("first", "second"):
        path = tmp_path / "out" / "bags" / f"{name}_seed0"
        with Bag(path) as bag:
            (entry,) = recompute(bag)
            assert (bag.complete, bag.problems) == (True, [])
            ego = "/carla/ego_vehicle"
            for topic in ("odometry", "front/image", "front/image/compressed", "imu"):
                assert bag.topics[f"{ego}/{topic}"].count == bag.topics["/clock"].count > 100
            assert bag.topics["/carla/ego_vehicle/waypoints"].qos[0].durability == "transient_local"
        assert (entry["problem"], entry["missing"], entry["differences"]) == ("", "", [])
        assert (entry["driver"], entry["unusable"]) == ("expert", {})
        kept = results.results[0 if name == "first" else 2]
        assert entry["result"]["status"] == kept.status
        assert not [note for note in kept.notes if "bag" in note]
        assert main(["--bag", str(path)]) == 0


def test_no_drive_begins_before_the_recorder_hears_everything(run_stack, tmp_path):
    from waypilot.bags import Bag

    topic = "/waypilot/ego_vehicle/waypoints"
    _, results, _ = run_stack(bags="true", recorder_arguments=[topic, "9"])
    assert results.results[0].completed
    with Bag(tmp_path / "out" / "bags" / "first_seed0") as bag:
        # The last frame needs no plan any more.
        assert bag.topics["/clock"].count - 1 <= bag.topics[topic].count <= bag.topics["/clock"].count
