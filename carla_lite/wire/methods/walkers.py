"""Calls about pedestrians."""

from __future__ import annotations

from carla_lite.engine import Walker, WalkerControl
from carla_lite.wire import readers, records
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.table import MethodTable

TABLE = MethodTable()


@TABLE.void(readers.actor_id, records.read_walker_control)
def apply_control_to_walker(simulation: Simulation, actor_id: int, control: WalkerControl) -> None:
    """Let a pedestrian walk; it keeps going until the next control."""
    simulation.actor_of(Walker, actor_id).apply_control(control)


@TABLE.void(readers.actor_id)
def set_actor_dead(simulation: Simulation, actor_id: int) -> None:
    """Let a pedestrian stand whom the client's navigation has seen run over; it no longer leads it."""
    walker = simulation.actor_of(Walker, actor_id)
    walker.apply_control(WalkerControl())
    walker.set_simulates_physics(True)


@TABLE.value()
def get_navigation_mesh(simulation: Simulation) -> bytes:
    """Return the pedestrian navigation mesh, empty where there is nowhere to walk."""
    return simulation.navigation
