"""What can go wrong with a simulator, said so that whoever reads it knows what to do."""

from __future__ import annotations


class SimulatorError(RuntimeError):
    """Anything that the simulator adapter could not do."""


class SimulatorUnreachable(SimulatorError):  # noqa: N818  the name says it all
    """No CARLA server answered at the given host and port."""


class SimulatorLost(SimulatorError):  # noqa: N818
    """A simulator that had answered stopped answering, or left a promised measurement out; the session is over."""


class SetupError(SimulatorError):
    """The simulator answers, but the scenario cannot be set up in it: a map, blueprint, place or route is missing."""
