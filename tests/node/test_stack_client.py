import itertools
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import rclpy
from waypilot_msgs.msg import ScenarioStatus
from waypilot_ros import stack_client
from waypilot_ros.conversions import ego_to_msg
from waypilot_ros.evaluation import ScenarioCrashedError, StackBrokenError
from waypilot_ros.stack_client import PatienceConfig, StackClient

from waypilot.metrics import ScenarioResult
from waypilot.report.results import Job


@pytest.fixture
def client(domain):
    rclpy.init(domain_id=domain)
    node = rclpy.create_node("evaluator")
    yield StackClient(node, PatienceConfig(frame_s=0.3, ready_s=1.0), lambda: None, lambda job: None, print)
    node.destroy_node()
    rclpy.shutdown()


def test_the_end_of_a_drive_that_was_given_up_does_not_end_the_next_one(client, monkeypatch):
    def prepare(_job, _after_crash):
        client._on_status(ScenarioStatus(state=ScenarioStatus.COMPLETED))  # the judge's word on the last drive
        return 60.0

    monkeypatch.setattr(client, "_prepare_all", prepare)
    monkeypatch.setattr(client, "retry", lambda *_: None)
    with pytest.raises(StackBrokenError, match="no odometry from the bridge"):
        client.drive(None)


def test_a_process_that_gets_no_processor_for_a_while_hears_no_silence(client, monkeypatch, ego_at):
    """An hour passes in one turn, and what came meanwhile is taken message by message."""
    times_s = itertools.chain([0.0, 3600.0], itertools.count(3600.01, 0.01))
    turns = itertools.count()

    def take_one(timeout_sec):
        turn = next(turns)
        if turn == 5:
            client._on_odometry(ego_to_msg(ego_at(0)))
        if turn == 10:
            client._on_status(ScenarioStatus(state=ScenarioStatus.COMPLETED))

    monkeypatch.setattr(stack_client, "time", SimpleNamespace(monotonic=lambda: next(times_s)))
    monkeypatch.setattr(client._executor, "spin_once", take_one)
    assert client._wait_for_end(60.0) == 0


def test_a_judge_that_never_ends_a_drive_is_a_crash_and_not_a_wait_for_ever(client, monkeypatch, ego_at):
    frames = itertools.count()

    def spin(_timeout_s=0.0):
        client._on_odometry(ego_to_msg(ego_at(1_000_000_000 * next(frames))))

    monkeypatch.setattr(client, "_prepare_all", lambda *_: 60.0)
    monkeypatch.setattr(client, "retry", lambda *_: None)
    monkeypatch.setattr(client, "_spin", spin)
    with pytest.raises(ScenarioCrashedError, match="metrics has not ended the drive 30 s after its time limit of 60 s"):
        client.drive(None)
    assert next(frames) == 92


def test_only_a_drive_that_ended_well_is_not_waited_for(client, monkeypatch, prepare_request, straight_scenario):
    """After any other one something may still hang in the network, and of the one before the first nobody knows."""
    asked = []

    def prepare(_node_name, _client, request, _patience_s):
        asked.append(request.after_crash)
        scene = SimpleNamespace(scene_known=False, scene=request.scene)
        return SimpleNamespace(success=True, free_running=False, route=prepare_request.route, **vars(scene))

    def say_no(*_):
        raise ScenarioCrashedError("policy was not ready")

    monkeypatch.setattr(client, "call", prepare)
    monkeypatch.setattr(client, "retry", lambda *_: None)
    monkeypatch.setattr(client, "_wait_for_end", lambda _limit_s: 0)
    monkeypatch.setattr(client, "_stop_bridge", lambda _end_ns: SimpleNamespace(frames=1, missed_deadlines=0))
    monkeypatch.setattr(client, "_judge", lambda _counts: ScenarioResult("straight", 0, "completed", ()))
    job = Job(straight_scenario, 0)
    for broken in (None, None, "_wait_for_end", None, "retry", None, None):
        with monkeypatch.context() as harm, pytest.raises(ScenarioCrashedError) if broken else nullcontext():
            if broken:
                harm.setattr(client, broken, say_no)
            client.drive(job)
    assert asked == [True, False, False, True, False, True, False]
