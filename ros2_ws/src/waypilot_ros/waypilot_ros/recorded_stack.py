"""Drives that are recorded, each into a bag of its own."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path

from rclpy.node import Node
from waypilot_msgs.srv import StartRecording, StopRecording

from waypilot.report.results import Job
from waypilot_ros.evaluation import DriveReport, ScenarioCrashedError, StackBrokenError
from waypilot_ros.stack_client import StackClient

NAME = "recorder"
PATIENCE_S = 20.0


class RecordedStack:
    """Has a recorder write a bag of every drive (``evaluation.Stack``). A drive whose bag lacks something says so."""

    def __init__(self, node: Node, stack: StackClient, bag_path: Callable[[Job], Path]) -> None:
        self._stack = stack
        self._bag_path = bag_path
        self._start = node.create_client(StartRecording, f"{NAME}/start")
        self._stop = node.create_client(StopRecording, f"{NAME}/stop")

    def drive(self, job: Job) -> DriveReport:
        """Drive and record. What is latched is said while the drive is prepared, so the recording begins before."""
        request = StartRecording.Request(path=str(self._bag_path(job)))
        self._stack.retry(NAME, self._start, request, PATIENCE_S)
        try:
            report = self._stack.drive(job)
        except (ScenarioCrashedError, StackBrokenError):
            with contextlib.suppress(ScenarioCrashedError, StackBrokenError):
                self._stack.retry(NAME, self._stop, StopRecording.Request(free_running=True), PATIENCE_S)
            raise
        return self._with_note(report, self._complete())

    def _complete(self) -> str:
        try:
            response = self._stack.retry(NAME, self._stop, StopRecording.Request(), PATIENCE_S)
        except ScenarioCrashedError as error:
            return f"the bag may be incomplete: {error}"
        return f"the bag lacks {response.lost} messages" if response.lost else ""

    def _with_note(self, report: DriveReport, note: str) -> DriveReport:
        if not note:
            return report
        result = dataclasses.replace(report.result, notes=(*report.result.notes, note))
        return dataclasses.replace(report, result=result)
