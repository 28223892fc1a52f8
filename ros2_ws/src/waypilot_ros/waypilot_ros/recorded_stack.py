"""Drives that are recorded, each into a bag of its own."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path

from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from std_srvs.srv import Trigger
from waypilot_msgs.srv import StartRecording, StopRecording

from waypilot.report.results import Job
from waypilot_ros.evaluation import DriveReport, ScenarioCrashedError, StackBrokenError
from waypilot_ros.readers import SERVICE, unheard_by
from waypilot_ros.stack_client import DRIVERS, RETRY_S, StackClient

NAME = "recorder"
#: Who must be sure that the recorder hears it, before a drive begins.
RECORDED = ("carla_bridge", *DRIVERS)
PATIENCE_S = 20.0


class RecordedStack:
    """Has a recorder write a bag of every drive (``evaluation.Stack``). A drive whose bag lacks something says so."""

    def __init__(self, node: Node, stack: StackClient, bag_path: Callable[[Job], Path]) -> None:
        self._stack = stack
        self._bag_path = bag_path
        self._start = node.create_client(StartRecording, f"{NAME}/start")
        self._stop = node.create_client(StopRecording, f"{NAME}/stop")
        self._parameters = node.create_client(GetParameters, f"{NAME}/get_parameters")
        self._readers = {name: node.create_client(Trigger, f"{name}/{SERVICE}") for name in RECORDED}

    def drive(self, job: Job) -> DriveReport:
        """Drive and record. What is latched is said while the drive is prepared, so the recording begins before.

        Raises ScenarioCrashedError when some node's messages would not reach the recorder.
        """
        self._await_connections()
        request = StartRecording.Request(path=str(self._bag_path(job)))
        self._stack.retry(NAME, self._start, request, PATIENCE_S)
        try:
            report = self._stack.drive(job)
        except (ScenarioCrashedError, StackBrokenError):
            with contextlib.suppress(ScenarioCrashedError, StackBrokenError):
                self._stack.retry(NAME, self._stop, StopRecording.Request(free_running=True), PATIENCE_S)
            raise
        return self._with_note(report, self._complete(self._stack.free_running))

    def _await_connections(self) -> None:
        """Wait until every node says that the recorder hears all of its topics that shall be recorded."""
        self._stack.await_services([self._start, self._stop, self._parameters, *self._readers.values()])
        names = GetParameters.Request(names=["topics", "exclude"])
        answer = self._stack.call(NAME, self._parameters, names, PATIENCE_S)
        topics, exclude = (value.string_value for value in answer.values)
        deadline_s = self._stack.awake.s + PATIENCE_S
        for name, client in self._readers.items():
            while unheard := unheard_by(
                f"/{NAME}", self._stack.call(name, client, Trigger.Request(), PATIENCE_S).message, topics, exclude
            ):
                if self._stack.awake.s > deadline_s:
                    raise ScenarioCrashedError(
                        f"the recorder does not hear {', '.join(unheard)} of {name} after {PATIENCE_S:g} s"
                    )
                self._stack.spin_for(RETRY_S)

    def _complete(self, free_running: bool) -> str:
        request = StopRecording.Request(free_running=free_running)
        try:
            response = self._stack.retry(NAME, self._stop, request, PATIENCE_S)
        except ScenarioCrashedError as error:
            return f"the bag may be incomplete: {error}"
        return f"the bag lacks {response.lost} messages" if response.lost else ""

    def _with_note(self, report: DriveReport, note: str) -> DriveReport:
        if not note:
            return report
        result = dataclasses.replace(report.result, notes=(*report.result.notes, note))
        return dataclasses.replace(report, result=result)
