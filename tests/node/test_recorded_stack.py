"""Completing the bag of a drive: the recorder is told whether it may wait for silence."""

from types import SimpleNamespace

import pytest
from waypilot_msgs.srv import StopRecording
from waypilot_ros.recorded_stack import RecordedStack


class Stack:
    """Drives at once, and keeps what the recorder is asked."""

    def __init__(self, free_running):
        self._will_run_free = free_running
        self.free_running = None
        self.asked = []

    def drive(self, job):
        # Known only once the bridge has answered.
        self.free_running = self._will_run_free
        return SimpleNamespace(result=None)

    def retry(self, node_name, client, request, patience_s):
        self.asked.append(request)
        return SimpleNamespace(lost=0)


@pytest.mark.parametrize("free_running", [False, True])
def test_the_recorder_does_not_wait_for_silence_where_frames_come_all_the_time(free_running, tmp_path, monkeypatch):
    stack = Stack(free_running)
    node = SimpleNamespace(create_client=lambda kind, name: name)
    monkeypatch.setattr(RecordedStack, "_await_connections", lambda self: None)
    RecordedStack(node, stack, lambda job: tmp_path).drive(None)
    (stop,) = [request for request in stack.asked if isinstance(request, StopRecording.Request)]
    assert stop.free_running is free_running
