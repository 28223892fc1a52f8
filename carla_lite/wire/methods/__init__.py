"""The RPC calls of CARLA 0.9.16, in groups. Handlers take the simulation and arguments that are already checked."""

from carla_lite.wire.methods import (
    actors,
    batch,
    bones,
    lights,
    physics,
    recorder,
    scenery,
    session,
    traffic,
    vehicles,
    walkers,
)
from carla_lite.wire.table import merge

METHODS = merge(
    session.TABLE,
    actors.TABLE,
    physics.TABLE,
    vehicles.TABLE,
    walkers.TABLE,
    bones.TABLE,
    batch.TABLE,
    traffic.TABLE,
    lights.TABLE,
    scenery.TABLE,
    recorder.TABLE,
)
"""Everything that the server answers; any other name is answered with an error that says so."""
