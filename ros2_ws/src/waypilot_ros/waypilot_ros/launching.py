"""The node table as launch_ros actions: what the files in ``launch/`` share. Needs launch and launch_ros.

A view of ``launch/stack.yaml``, like ``python -m waypilot.supervisor``, with the same arguments; the ROS domain is the
environment's own unless ``domain_id`` is given.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription
from waypilot.supervisor.child import describe_exit
from waypilot.supervisor.failure import FAILURE_FILE, Failure, read_failure
from waypilot.supervisor.record import RECORDS, SUPERVISED, RunRecord, keeps_record
from waypilot.supervisor.resolve import AUTOMATIC, resolve
from waypilot.supervisor.table import ProcessSpec, StackTable, load_table


class StackFailedError(RuntimeError):
    """The run did not end well; raised so that ``ros2 launch`` reports it with its exit code."""


def describe(table_path: Path, fixed: Mapping[str, str] | None = None) -> LaunchDescription:
    """Declare the table's arguments, except those that are ``fixed``, and start the processes that run with them."""
    table, fixed = load_table(table_path), dict(fixed or {})
    declarations = [
        DeclareLaunchArgument(
            argument.name,
            default_value=str(argument.default),
            description=argument.help,
            choices=list(argument.choices) or None,
        )
        for argument in table.arguments.values()
        if argument.name not in fixed
    ]
    return LaunchDescription([*declarations, OpaqueFunction(function=_start, args=[table, fixed])])


def _start(context: LaunchContext, table: StackTable, fixed: Mapping[str, str]) -> list:
    texts = {name: fixed.get(name) or LaunchConfiguration(name).perform(context) for name in table.arguments}
    values = resolve(table.values(texts))
    judged = keeps_record(table.processes(values))
    record = RunRecord(values, RECORDS[str(values["record"])]) if judged else None
    if judged:
        values["record"] = SUPERVISED
    output_dir = Path(str(values["output_dir"]))
    output_dir.mkdir(parents=True, exist_ok=True)
    (output_dir / FAILURE_FILE).unlink(missing_ok=True)
    specs = table.processes(values)
    actions = []
    if values["domain_id"] != AUTOMATIC:
        actions.append(SetEnvironmentVariable("ROS_DOMAIN_ID", str(values["domain_id"])))
    for spec in specs:
        process = _make_process(spec)
        on_exit = _ending(spec, output_dir, record)
        actions += [process, RegisterEventHandler(OnProcessExit(target_action=process, on_exit=on_exit))]
    return actions


def _make_process(spec: ProcessSpec) -> ExecuteProcess:
    if spec.module:
        return ExecuteProcess(cmd=[sys.executable, "-m", spec.module, *spec.arguments], name=spec.name, output="screen")
    parameters = [spec.parameter_file] if spec.parameter_file else []
    if spec.parameters:
        parameters.append(dict(spec.parameters))
    return Node(
        package=spec.package,
        executable=spec.executable,
        name=spec.name,
        arguments=list(spec.arguments),
        parameters=parameters,
        remappings=list(spec.remaps.items()),
        output="screen",
    )


def _ending(spec: ProcessSpec, output_dir: Path, record: RunRecord | None):
    """Say what to do when this process exits: the first exit ends the run."""

    def on_exit(event: ProcessExited, context: LaunchContext) -> list:
        if spec.ends_run and record is not None:
            failure = read_failure(output_dir)
            record.settle("the evaluation ended early" if failure is None else failure.text, final=True)
            record.complete()
        if context.is_shutdown:
            return []
        if spec.ends_run and event.returncode == 0:
            return [EmitEvent(event=Shutdown(reason="the evaluation is finished"))]
        failure = Failure(spec.name, describe_exit(event.returncode), event.returncode)
        failure.write(output_dir)
        return [EmitEvent(event=Shutdown(reason=failure.text)), OpaqueFunction(function=_fail, args=[failure.text])]

    return on_exit


def _fail(_context: LaunchContext, reason: str) -> None:
    raise StackFailedError(reason)
