"""Calls that record what happens, tell of recordings and play them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from carla_lite.recording import LogReader, RecordingError, report
from carla_lite.wire import readers, records
from carla_lite.wire.errors import CallError
from carla_lite.wire.replayer import ReplayRequest, span
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.table import MethodTable
from waypilot.geometry import Pose

TABLE = MethodTable()

_character = readers.whole_between(0, 127)
_TIME_FACTOR = readers.number_between(0.0, 1000.0)


@TABLE.value(readers.text, readers.flag)
def start_recorder(simulation: Simulation, name: str, additional_data: bool) -> str:
    """Record everything into a file from now on; returns its path on the server."""
    file = simulation.recordings.create(name, simulation.world.town.name, int(time.time()))
    simulation.replayer.stop(keep_actors=True)
    simulation.recorder.start(file, additional_data)
    return str(file.path)


@TABLE.void()
def stop_recorder(simulation: Simulation) -> None:
    """End the recording."""
    simulation.recorder.stop()


@TABLE.value(readers.text, readers.flag)
async def show_recorder_file_info(simulation: Simulation, name: str, show_all: bool) -> str:
    """Tell the events of a recording, or everything in it."""
    return await _told(simulation, name, lambda log: report.file_info(log, show_all))


@TABLE.value(readers.text, _character, _character)
async def show_recorder_collisions(simulation: Simulation, name: str, first: int, second: int) -> str:
    """List the collisions between two categories of actors."""
    return await _told(simulation, name, lambda log: report.collisions(log, chr(first), chr(second)))


@TABLE.value(readers.text, readers.number, readers.number)
async def show_recorder_actors_blocked(
    simulation: Simulation, name: str, min_time_s: float, min_distance_cm: float
) -> str:
    """List the actors that stayed in one place for long."""
    return await _told(simulation, name, lambda log: report.actors_blocked(log, min_time_s, min_distance_cm))


async def _told(simulation: Simulation, name: str, tell: Callable[[LogReader], str]) -> str:
    """Tell something of a recording, in another thread: long ones take their time."""

    def read() -> str:
        with contextlib.closing(simulation.recordings.open(name)) as log:
            try:
                return tell(log)
            except (RecordingError, OSError) as error:
                raise CallError(str(error)) from None

    return await simulation.background.run(read)


@TABLE.value(readers.text, readers.number, readers.number, readers.u32, readers.flag, records.read_transform)
async def replay_file(
    simulation: Simulation,
    name: str,
    start_s: float,
    duration_s: float,
    follow_id: int,
    with_sensors: bool,
    follow_offset: Pose,
) -> str:
    """Play a recording, on its own map; returns in words what is played."""
    simulation.recorder.stop()
    log = await simulation.background.run(lambda: simulation.recordings.open(name))
    try:
        said = _enter_map(simulation, log)
    except CallError:
        log.close()
        raise
    request = ReplayRequest(start_s, duration_s, follow_id, follow_offset, with_sensors)
    simulation.replayer.start(log, request)
    return "\n".join([f"Replaying File: {log.path}", *said, *_plan(simulation, log, request), ""])


def _enter_map(simulation: Simulation, log: LogReader) -> list[str]:
    """Load the map of a recording unless it is there; raises CallError when it cannot be had."""
    wanted = log.head.map_name
    if wanted.rsplit("/", 1)[-1] == simulation.world.town.name:
        return []
    simulation.load(simulation.towns.find(wanted), reset_settings=False)
    return [f"Loading map {wanted}"]


def _plan(simulation: Simulation, log: LogReader, request: ReplayRequest) -> list[str]:
    start_s, end_s = span(log, request)
    replayer = simulation.replayer
    lines = [
        f"Total time recorded: {log.duration_s:g}",
        f"Replaying from {start_s:g} s - {end_s:g} s ({log.duration_s:g} s) at {replayer.time_factor:.1f}x",
    ]
    if replayer.ignore_hero:
        lines.append("Ignoring Hero vehicle")
    if replayer.ignore_spectator:
        lines.append("Ignoring Spectator camera")
    if log.damage:
        lines.append(f"The file is damaged: {log.damage}")
    return lines


@TABLE.void(readers.flag)
def stop_replayer(simulation: Simulation, keep_actors: bool) -> None:
    """End playing; the actors made for it stay or go."""
    simulation.replayer.stop(keep_actors)


@TABLE.void(_TIME_FACTOR)
def set_replayer_time_factor(simulation: Simulation, time_factor: float) -> None:
    """Play faster or slower; 0 stands still."""
    simulation.replayer.time_factor = time_factor


@TABLE.void(readers.flag)
def set_replayer_ignore_hero(simulation: Simulation, ignore_hero: bool) -> None:
    """Leave heroes out of what is played next."""
    simulation.replayer.ignore_hero = ignore_hero


@TABLE.void(readers.flag)
def set_replayer_ignore_spectator(simulation: Simulation, ignore_spectator: bool) -> None:
    """Leave the spectator out of what is played next."""
    simulation.replayer.ignore_spectator = ignore_spectator
