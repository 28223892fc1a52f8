import pytest
import rclpy
from waypilot_msgs.msg import ScenarioStatus
from waypilot_ros.evaluation import StackBrokenError
from waypilot_ros.stack_client import PatienceConfig, StackClient


@pytest.fixture
def client(domain):
    rclpy.init(domain_id=domain)
    node = rclpy.create_node("evaluator")
    yield StackClient(node, PatienceConfig(frame_s=0.3, ready_s=1.0), lambda: None, lambda job: None, print)
    node.destroy_node()
    rclpy.shutdown()


def test_the_end_of_a_drive_that_was_given_up_does_not_end_the_next_one(client, monkeypatch):
    def prepare(_job):
        client._on_status(ScenarioStatus(state=ScenarioStatus.COMPLETED))  # the judge's word on the last drive

    monkeypatch.setattr(client, "_prepare_all", prepare)
    monkeypatch.setattr(client, "retry", lambda *_: None)
    with pytest.raises(StackBrokenError, match="no odometry from the bridge"):
        client.drive(None)
