"""The stack as launch_ros actions: ``ros2 launch launch/closed_loop.launch.py policy:=expert``.

A view of ``stack.yaml``, like ``python -m waypilot.supervisor``, with the same arguments (``--show-args`` lists them).
The ROS domain is the one of the environment unless ``domain_id`` is given.
"""

import sys
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
from waypilot.supervisor.failure import FAILURE_FILE, Failure
from waypilot.supervisor.record import RunRecord
from waypilot.supervisor.resolve import AUTOMATIC, resolve
from waypilot.supervisor.table import ProcessSpec, load_table

TABLE = load_table(Path(__file__).resolve().parent / "stack.yaml")


class StackFailedError(RuntimeError):
    """The run did not end well; raised so that ``ros2 launch`` reports it with its exit code."""


def generate_launch_description() -> LaunchDescription:
    declarations = [
        DeclareLaunchArgument(
            argument.name,
            default_value=str(argument.default),
            description=argument.help,
            choices=list(argument.choices) or None,
        )
        for argument in TABLE.arguments.values()
    ]
    return LaunchDescription([*declarations, OpaqueFunction(function=start_stack)])


def start_stack(context: LaunchContext) -> list:
    texts = {name: LaunchConfiguration(name).perform(context) for name in TABLE.arguments}
    values = resolve(TABLE.values(texts))
    output_dir = Path(values["output_dir"])
    output_dir.mkdir(parents=True, exist_ok=True)
    (output_dir / FAILURE_FILE).unlink(missing_ok=True)
    actions = []
    if values["domain_id"] != AUTOMATIC:
        actions.append(SetEnvironmentVariable("ROS_DOMAIN_ID", str(values["domain_id"])))
    specs = TABLE.processes(values)
    record = RunRecord(values)
    for spec in specs:
        process = make_process(spec)
        on_exit = ending(spec, output_dir, record)
        actions += [process, RegisterEventHandler(OnProcessExit(target_action=process, on_exit=on_exit))]
    return actions


def make_process(spec: ProcessSpec) -> ExecuteProcess:
    if spec.module:
        return ExecuteProcess(cmd=[sys.executable, "-m", spec.module, *spec.arguments], name=spec.name, output="screen")
    return Node(
        package=spec.package,
        executable=spec.executable,
        name=spec.name,
        arguments=list(spec.arguments),
        parameters=[dict(spec.parameters)] if spec.parameters else [],
        remappings=list(spec.remaps.items()),
        output="screen",
    )


def ending(spec: ProcessSpec, output_dir: Path, record: RunRecord):
    """Say what to do when this process exits: the first exit ends the run."""

    def on_exit(event: ProcessExited, context: LaunchContext) -> list:
        if spec.ends_run:
            record.complete()
        if context.is_shutdown:
            return []
        if spec.ends_run and event.returncode == 0:
            return [EmitEvent(event=Shutdown(reason="the evaluation is finished"))]
        failure = Failure(spec.name, describe_exit(event.returncode), event.returncode)
        failure.write(output_dir)
        return [EmitEvent(event=Shutdown(reason=failure.text)), OpaqueFunction(function=fail, args=[failure.text])]

    return on_exit


def fail(_context: LaunchContext, reason: str) -> None:
    raise StackFailedError(reason)
