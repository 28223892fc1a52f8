"""What the tyres of a vehicle do to it: the forces that the dynamics computes at the vehicle's present speed."""

from __future__ import annotations

from dataclasses import dataclass

from carla_lite.engine.actors import Vehicle
from carla_lite.engine.dynamics import GRAVITY_MPS2, tyre_state

WHEELS = 4
FRONT_WHEELS = 2


@dataclass(frozen=True, slots=True)
class Tyre:
    """One wheel's tyre, in the wheel's axes: forward and left.

    ``slip`` is the speed to the left per speed forward, as the force knows it (below 1 m/s: per 1 m/s). Wheels roll
    without slipping lengthwise. ``load_n`` is a quarter of the weight: the dynamics shifts none.
    """

    load_n: float
    forward_n: float
    left_n: float
    slip: float


@dataclass(frozen=True, slots=True)
class Tyres:
    """The tyres in order (front left, front right, rear left, rear right) and the drag of the air.

    The forward forces less the drag are mass times forward acceleration, but for what turned front wheels take.
    """

    wheels: tuple[Tyre, ...]
    air_drag_n: float


def tyres_of(vehicle: Vehicle) -> Tyres:
    """Return the forces on a vehicle; without physics there are none but its weight."""
    mass_kg = vehicle.blueprint.mass_kg if vehicle.simulates_physics else 0.0
    load_n = vehicle.blueprint.mass_kg * GRAVITY_MPS2 / WHEELS
    forward, front, rear, front_slip, rear_slip, air = tyre_state(vehicle.body)
    axles = ((front, front_slip),) * FRONT_WHEELS + ((rear, rear_slip),) * (WHEELS - FRONT_WHEELS)
    wheels = tuple(
        Tyre(load_n, mass_kg * forward / WHEELS, mass_kg * side / FRONT_WHEELS, slip) for side, slip in axles
    )
    return Tyres(wheels, mass_kg * air)
