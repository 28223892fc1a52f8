"""How a world is stepped: CARLA's EpisodeSettings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from carla_lite.wire import readers
from carla_lite.wire.errors import CallError

DEFAULT_STEP_S = 0.05
"""Step of a world whose client set no fixed one (20 Hz)."""
MIN_STEP_S, MAX_STEP_S = 1e-4, 5.0
"""Shorter steps would not fit: stamps are whole nanoseconds and accelerations go out as float32."""


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """CARLA's world settings, in wire order; those after ``fixed_delta_s`` are kept and reported, nothing more.

    Sub-stepping is the engine's own business, and there is no Unreal Engine whose culling or streaming could be set.
    """

    synchronous: bool = False
    no_rendering: bool = False
    fixed_delta_s: float | None = None
    substepping: bool = True
    max_substep_delta_s: float = 0.01
    max_substeps: int = 10
    max_culling_distance_m: float = 0.0
    deterministic_ragdolls: bool = False
    tile_stream_distance_m: float = 3000.0
    actor_active_distance_m: float = 2000.0
    spectator_as_ego: bool = True

    @property
    def step_s(self) -> float:
        """Simulated seconds per step."""
        return DEFAULT_STEP_S if self.fixed_delta_s is None else self.fixed_delta_s

    def to_wire(self) -> list[Any]:
        """Return the record that clients read."""
        fixed = [False] if self.fixed_delta_s is None else [True, self.fixed_delta_s]
        return [
            self.synchronous,
            self.no_rendering,
            fixed,
            self.substepping,
            self.max_substep_delta_s,
            self.max_substeps,
            self.max_culling_distance_m,
            self.deterministic_ragdolls,
            self.tile_stream_distance_m,
            self.actor_active_distance_m,
            self.spectator_as_ego,
        ]


def read_settings(value: Any) -> EpisodeSettings:
    """Read a client's settings; a fixed delta of 0 means none, as in CARLA."""
    fields = readers.record(
        value,
        "EpisodeSettings",
        readers.flag,
        readers.flag,
        readers.optional(_step),
        readers.flag,
        readers.number,
        readers.i32,
        readers.number,
        readers.flag,
        readers.number,
        readers.number,
        readers.flag,
    )
    return EpisodeSettings(*fields)


def _step(value: Any) -> float | None:
    step_s = readers.number(value)
    if step_s == 0.0:
        return None
    if not MIN_STEP_S <= step_s <= MAX_STEP_S:
        raise CallError(
            f"fixed_delta_seconds is {step_s:g}, expected a time in [{MIN_STEP_S:g}, {MAX_STEP_S:g}] s, or 0 for none"
        )
    return step_s
