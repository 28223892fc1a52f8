"""Sensors that measure distances: lidar, semantic lidar, radar and the obstacle detector.

Scan patterns, drop-off and noise follow CARLA 0.9.16's ``RayCastSemanticLidar``, ``RayCastLidar`` and ``Radar``.
"""

from __future__ import annotations

import math
import struct

import msgpack
import numpy as np

from carla_lite.engine import Actor
from carla_lite.render import Hits
from carla_lite.wire.actor_records import static_actor
from carla_lite.wire.errors import CallError
from carla_lite.wire.sensors import Payload, Surroundings, noise_source, number, whole
from waypilot.geometry import FloatArray, Quaternion, Vector3

MAX_CHANNELS = 512
MAX_POINTS_PER_S = 5_000_000
MAX_RANGE_M = 10_000.0
_FULL_TURN_DEG = 360.0
_CHANNELS_FIELD = struct.Struct("<fI")
_SEMANTIC_POINT = np.dtype([("place", "<f4", 3), ("cosine", "<f4"), ("actor", "<u4"), ("label", "<u4")])


def _points_per_second(actor: Actor) -> int:
    """Return the rate of a sensor; raises CallError for one that would send too many points at once."""
    rate = whole(actor, "points_per_second", 1, MAX_POINTS_PER_S)
    if rate * float(actor.attributes["sensor_tick"]) > MAX_POINTS_PER_S:
        raise CallError(
            f"attributes 'points_per_second' {rate} and 'sensor_tick' {actor.attributes['sensor_tick']} make more than "
            f"{MAX_POINTS_PER_S} points at once"
        )
    return rate


def _axes(orientation: Quaternion) -> FloatArray:
    """Return the matrix (3, 3) whose rows are the sensor's axes in the map."""
    return np.array([orientation.rotate(axis) for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))])


def _cast(actor: Actor, surroundings: Surroundings, directions: FloatArray, range_m: float, blind: set[int]) -> Hits:
    """Follow rays given in the sensor's own axes (x forward, y left)."""
    pose = actor.pose
    scene = surroundings.world.scene(frozenset(blind))
    perception = surroundings.views().perception
    return perception.cast((pose.x_m, pose.y_m, pose.z_m), directions @ _axes(pose.orientation), range_m, scene)


class _SpinningLidar:
    """The scan pattern that both lidars share: channels from the upper to the lower limit, spinning to the right."""

    needs_rendering = False

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        self._actor = actor
        self._surroundings = surroundings
        channels = whole(actor, "channels", 1, MAX_CHANNELS)
        self._range_m = number(actor, "range", 0.1, MAX_RANGE_M)
        self._points_per_s = _points_per_second(actor)
        self._turns_per_s = number(actor, "rotation_frequency", 0.0, 1e4)
        self._sweep_deg = number(actor, "horizontal_fov", 1e-3, _FULL_TURN_DEG)
        upper = math.radians(number(actor, "upper_fov", -90.0, 90.0))
        lower = math.radians(number(actor, "lower_fov", -90.0, 90.0))
        self._elevation = np.linspace(upper, lower, channels)
        self._angle_deg = 0.0

    def measure(self, elapsed_s: float) -> Payload:
        """Scan on from where the last scan ended."""
        channels = len(self._elevation)
        per_channel = int(self._points_per_s * elapsed_s / channels + 0.5)
        turned_deg = self._turns_per_s * self._sweep_deg * elapsed_s
        steps = self._angle_deg + turned_deg * np.arange(per_channel) / max(per_channel, 1)
        azimuth = np.radians(steps % self._sweep_deg - 0.5 * self._sweep_deg)
        self._angle_deg = (self._angle_deg + turned_deg) % self._sweep_deg
        shot = self._shot((channels, per_channel))
        row, column = np.nonzero(shot)
        flat = np.cos(self._elevation[row])
        # CARLA's azimuth grows to the right, y of these axes to the left.
        rays = np.stack(
            [flat * np.cos(azimuth[column]), -flat * np.sin(azimuth[column]), np.sin(self._elevation[row])], axis=1
        )
        hits = _cast(self._actor, self._surroundings, rays, self._range_m, set())
        points, kept = self._points(rays * (1.0, -1.0, 1.0), hits)
        counts = np.bincount(row[kept], minlength=channels).astype("<u4")
        head = _CHANNELS_FIELD.pack(math.radians(self._angle_deg), channels)
        return [head, counts.tobytes(), points]

    def _shot(self, shape: tuple[int, int]) -> np.ndarray:
        """Say which of the rays (channels, points) are followed at all."""
        return np.ones(shape, bool)

    def _points(self, rays: FloatArray, hits: Hits) -> tuple[bytes, np.ndarray]:
        """Return the packed points and the indices of the rays that gave them; ``rays`` are in CARLA's axes."""
        raise NotImplementedError


class SemanticLidar(_SpinningLidar):
    """``sensor.lidar.ray_cast_semantic``: place, cosine of incidence, actor and label of every point."""

    type_number = 10

    def _points(self, rays: FloatArray, hits: Hits) -> tuple[bytes, np.ndarray]:
        kept = np.flatnonzero(np.isfinite(hits.distance_m))
        points = np.empty(len(kept), _SEMANTIC_POINT)
        points["place"] = rays[kept] * hits.distance_m[kept, None]
        points["cosine"], points["actor"], points["label"] = hits.cosine[kept], hits.actor_id[kept], hits.label[kept]
        return points.tobytes(), kept


class Lidar(_SpinningLidar):
    """``sensor.lidar.ray_cast``: place and intensity of every point, with drop-off and noise along the ray."""

    type_number = 11

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        super().__init__(actor, surroundings)
        self._rng = noise_source(actor, surroundings.world)
        self._attenuation_1pm = number(actor, "atmosphere_attenuation_rate", 0.0, 1e3)
        self._lost_share = number(actor, "dropoff_general_rate", 0.0, 1.0)
        self._safe_intensity = number(actor, "dropoff_intensity_limit", 0.0, 1.0)
        self._lost_at_zero = number(actor, "dropoff_zero_intensity", 0.0, 1.0)
        self._noise_m = number(actor, "noise_stddev", 0.0, 1e3)

    def _shot(self, shape: tuple[int, int]) -> np.ndarray:
        return self._rng.random(shape) >= self._lost_share

    def _points(self, rays: FloatArray, hits: Hits) -> tuple[bytes, np.ndarray]:
        intensity = np.exp(-self._attenuation_1pm * hits.distance_m)
        kept = np.flatnonzero(np.isfinite(hits.distance_m) & self._returns(intensity))
        distance = hits.distance_m[kept] + self._noise_m * self._rng.standard_normal(len(kept))
        points = np.empty((len(kept), 4), "<f4")
        points[:, :3] = rays[kept] * distance[:, None]
        points[:, 3] = intensity[kept]
        return points.tobytes(), kept

    def _returns(self, intensity: FloatArray) -> np.ndarray:
        """Draw which rays come back: all above the limit, fewer and fewer below it."""
        share = 1.0 - self._lost_at_zero * (1.0 - intensity / max(self._safe_intensity, 1e-9))
        return (intensity > self._safe_intensity) | (self._rng.random(len(intensity)) < share)


class Radar:
    """``sensor.other.radar``: speed of approach (negative when nearing), azimuth, altitude and distance of points."""

    type_number = 9
    needs_rendering = False

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        self._actor = actor
        self._surroundings = surroundings
        self._rng = noise_source(actor, surroundings.world)
        self._range_m = number(actor, "range", 0.1, MAX_RANGE_M)
        self._points_per_s = _points_per_second(actor)
        self._reach = [math.tan(math.radians(0.5 * number(actor, name, 0.1, 170.0)))
                       for name in ("horizontal_fov", "vertical_fov")]  # fmt: skip

    def measure(self, elapsed_s: float) -> Payload:
        """Send rays at random into an elliptic cone, denser in the middle as in CARLA."""
        count = int(self._points_per_s * elapsed_s)
        radius, angle = self._rng.random(count), 2.0 * math.pi * self._rng.random(count)
        right, up = self._reach[0] * radius * np.cos(angle), self._reach[1] * radius * np.sin(angle)
        rays = np.stack([np.ones(count), -right, up], axis=1)
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        blind = {self._actor.parent_id} if self._actor.parent_id else set()
        hits = _cast(self._actor, self._surroundings, rays, self._range_m, blind)
        kept = np.flatnonzero(np.isfinite(hits.distance_m))
        points = np.empty((len(kept), 4), "<f4")
        points[:, 0] = self._closing_speeds(rays[kept], hits.actor_id[kept])
        points[:, 1] = np.arctan2(right[kept], 1.0)
        points[:, 2] = np.arcsin(rays[kept, 2])
        points[:, 3] = hits.distance_m[kept]
        return [points.tobytes()]

    def _closing_speeds(self, rays: FloatArray, actor_ids: np.ndarray) -> FloatArray:
        actors = self._surroundings.world.actors
        own = self._velocity_of_mount()
        speeds = np.zeros(len(rays))
        towards = rays @ _axes(self._actor.pose.orientation)
        for actor_id in np.unique(actor_ids):
            velocity = actors[actor_id].velocity_mps if actor_id else (0.0, 0.0, 0.0)
            met = actor_ids == actor_id
            speeds[met] = towards[met] @ (np.array(velocity) - own)
        return speeds

    def _velocity_of_mount(self) -> FloatArray:
        """Return the velocity of the sensor's place on its turning parent."""
        velocity = np.array(self._actor.velocity_mps)
        parent = self._surroundings.world.actors.get(self._actor.parent_id or 0)
        if parent is not None:
            arm = (self._actor.pose.x_m - parent.pose.x_m, self._actor.pose.y_m - parent.pose.y_m, 0.0)
            velocity = velocity + np.cross(np.array(parent.angular_velocity_radps), np.array(arm))
        return velocity


class ObstacleDetector:
    """``sensor.other.obstacle``: an event while a sphere sent forward would meet something."""

    type_number = 7
    needs_rendering = False

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        self._actor = actor
        self._surroundings = surroundings
        self._distance_m = number(actor, "distance", 0.01, MAX_RANGE_M)
        self._radius_m = number(actor, "hit_radius", 0.0, 100.0)
        self._only_dynamics = actor.attributes["only_dynamics"].lower() == "true"

    def measure(self, elapsed_s: float) -> Payload | None:
        """Report the first thing in the way; the ground never is."""
        world, pose = self._surroundings.world, self._actor.pose
        parent_id = self._actor.parent_id
        start: Vector3 = (pose.x_m, pose.y_m, pose.z_m)
        forward = pose.orientation.rotate((1.0, 0.0, 0.0))
        scene = world.scene(frozenset() if parent_id is None else frozenset({parent_id}))
        perception = self._surroundings.views().perception
        met = perception.sweep(start, forward, self._distance_m, self._radius_m, scene, not self._only_dynamics)
        if met is None:
            return None
        write = self._surroundings.records.actor
        other = write(world.actors[met.actor_id]) if met.actor_id else static_actor(world.town.scene.boxes[met.box])
        owner = self._actor if parent_id is None else world.actors[parent_id]
        return [msgpack.packb([write(owner), other, met.distance_m])]
