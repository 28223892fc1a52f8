"""What all calls work on: the present episode's world, its settings, and the step that tells everybody."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from carla_lite.engine import Actor, BodyActor, Catalog, SpawnError, TrafficLight, Vehicle, Walker, World
from carla_lite.engine.skeleton import Posture
from carla_lite.maps import TownMap
from carla_lite.wire.ackermann import AckermannDriver
from carla_lite.wire.actor_records import ActorRecords
from carla_lite.wire.background import Background
from carla_lite.wire.drawing import DrawingBoard
from carla_lite.wire.errors import CallError
from carla_lite.wire.lead import TrafficManagerLead
from carla_lite.wire.recorder import Recorder
from carla_lite.wire.recordings_folder import RecordingsFolder
from carla_lite.wire.replayer import Replayer
from carla_lite.wire.sensor_suite import SensorSuite
from carla_lite.wire.settings import EpisodeSettings
from carla_lite.wire.snapshot import WORLD_STATE_TYPE, actor_states, sensor_header, state_header
from carla_lite.wire.spring_arms import Attachment, SpringArms
from carla_lite.wire.streams import StreamHub, at_once
from carla_lite.wire.tokens import WORLD_STATE_STREAM, stream_token
from carla_lite.wire.towns import TownLibrary
from carla_lite.wire.wake import TrafficManagerWatch
from waypilot.geometry import Pose

_LOG = logging.getLogger(__name__)
# A step that failed is tried again after so long: each try writes to the log.
_REST_S = 1.0
WORLD_LIMIT_M = 1e6
"""A body farther out has left the world and is removed, as Unreal removes what falls out of its world."""

MAX_ACTORS = 10_000
"""A script that has lost count shall hear so before every step takes seconds."""

CATALOG = Catalog.default()
_KIND_NAMES: dict[type[Actor], str] = {
    BodyActor: "vehicle, walker or prop",
    Vehicle: "vehicle",
    Walker: "walker",
    TrafficLight: "traffic light",
}
ActorT = TypeVar("ActorT", bound=Actor)


class Simulation:
    """One server's world.

    ``frame`` goes on counting over episodes while the world's own starts at zero, so that an episode does not
    depend on what was loaded before; ids of actors are never used twice either.
    """

    def __init__(
        self,
        town: TownMap,
        towns: TownLibrary,
        recordings: RecordingsFolder,
        hub: StreamHub,
        streaming_port: int,
        seed: int = 0,
    ) -> None:
        self.towns = towns
        self.recordings = recordings
        self.recorder = Recorder(self)
        self.replayer = Replayer(self)
        self.hub = hub
        self.seed = seed
        self.settings = EpisodeSettings()
        self.streaming_port = streaming_port
        self.records = ActorRecords(CATALOG, streaming_port)
        self.episode_id = 0
        self.lights: dict[int, int] = {}
        self.physics: dict[int, list[Any]] = {}
        self.ackermann: dict[int, AckermannDriver] = {}
        self.traffic_managers: dict[int, str] = {}
        self.postures: dict[int, Posture] = {}
        self._by_actor: tuple[dict[int, Any], ...] = (self.lights, self.physics, self.ackermann, self.postures)
        self._started_s = time.monotonic()
        self._rests_until_s = 0.0
        self.background = Background()
        self.lead = TrafficManagerLead()
        self.watch = TrafficManagerWatch(self.traffic_managers)
        self._board = DrawingBoard()
        self._stepping = asyncio.Lock()
        self._left_to_itself = asyncio.Event()
        self._left_to_itself.set()
        self._highest_id = 0
        self._first_frame = 0
        self._begin_episode(town)

    @property
    def frame(self) -> int:
        """Number of the last published frame."""
        return self._first_frame + self.world.frame

    @property
    def navigation(self) -> bytes:
        """The navigation mesh of the present town."""
        return self.towns.views(self.world.town).navigation

    def token(self, stream_id: int = WORLD_STATE_STREAM) -> bytes:
        """Return the token of a stream."""
        return stream_token(stream_id, self.streaming_port)

    def close(self) -> None:
        """Let go of what is still being drawn."""
        self._board.close()

    def load(self, town: TownMap, reset_settings: bool) -> None:
        """Begin a new episode in ``town`` with no actors but the spectator."""
        if reset_settings:
            self._set(EpisodeSettings())
        self.recorder.stop()
        self.replayer.stop(keep_actors=True)
        self._first_frame = self.frame
        self.hub.hold_back(WORLD_STATE_STREAM)
        self._begin_episode(town)

    def _begin_episode(self, town: TownMap) -> None:
        self.world = World(town, CATALOG, self.seed, self._highest_id + 1)
        self._highest_id = max(self.world.actors)
        self._arms = SpringArms(self.world, lambda: self.towns.views(town).perception)
        self.sensors = SensorSuite(self.world, self.hub, self._board, self.records, lambda: self.towns.views(town))
        for table in self._by_actor:
            table.clear()
        self.episode_id += 1
        self._map_changed = self.episode_id > 1
        self.step()

    def apply_settings(self, settings: EpisodeSettings) -> None:
        """Take over settings at once, and show them in a new state.

        A world that is left to itself steps for that; one that becomes synchronous repeats its last state, so that
        its client need not wait for a tick.
        """
        was_synchronous = self.settings.synchronous
        self._set(settings)
        if not settings.synchronous:
            self.step()
        elif not was_synchronous:
            self._publish_state()

    def _set(self, settings: EpisodeSettings) -> None:
        self.settings = settings
        if settings.synchronous:
            self._left_to_itself.clear()
        else:
            self._left_to_itself.set()

    async def run_freely(self) -> None:
        """Step the world by the wall clock whenever it is not synchronous; a late step is not made up for.

        A step that fails is told in the log and ends nothing: clients can still change or reload the world.
        """
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            await self._left_to_itself.wait()
            due_s = max(due_s + self.settings.step_s, loop.time())
            await asyncio.sleep(due_s - loop.time())
            async with self._stepping:
                await self._board.finished()
                if not self.settings.synchronous:
                    self._step_or_rest(loop)

    def _step_or_rest(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop.time() < self._rests_until_s:
            return
        try:
            self.step()
        except Exception:
            _LOG.exception("a step failed; the world stands still for %g s", _REST_S)
            self._rests_until_s = loop.time() + _REST_S

    async def tick(self) -> int:
        """Answer a tick: step a synchronous world once everybody has taken the last frame; return the frame number."""
        async with self._stepping:
            if self.settings.synchronous:
                await self._board.finished()
                await self.hub.wait_for_all()
                self.step(ticked=True)
            return self.frame

    def step(self, ticked: bool = False) -> None:
        """Advance by one step and send what it gave: first the state, then sensor data; pictures once drawn.

        A Traffic Manager must take its step when a client ``ticked``, and only then.
        """
        for driver in self.ackermann.values():
            driver.step(self.settings.step_s)
        self.replayer.before_step(self.settings.step_s)
        events = self.world.step(self.settings.step_s)
        self.replayer.after_step()
        self._arms.step(self.settings.step_s)
        self._remove_lost_bodies()
        self.recorder.add_frame(self.settings.step_s, events.collisions)
        self._publish_state(ticked)
        settings = self.settings
        self.sensors.publish(
            self.frame, settings.step_s, events.collisions, not settings.no_rendering, not settings.synchronous
        )

    def _publish_state(self, ticked: bool = False) -> None:
        uptime_s = time.monotonic() - self._started_s
        parts = (
            sensor_header(WORLD_STATE_TYPE, self.frame, self.world.time_s),
            state_header(self.episode_id, uptime_s, self.settings.step_s, self._map_changed),
            actor_states(self.world.actors.values()),
        )
        self._map_changed = False
        synchronous = self.settings.synchronous
        when = at_once
        if synchronous and self.traffic_managers:
            when = self._after_lead_of_tick if ticked else self.lead.hold
        self.hub.publish_and_keep(WORLD_STATE_STREAM, parts, not synchronous, when)

    def _after_lead_of_tick(self, send: Callable[[], None]) -> None:
        def send_and_watch() -> None:
            send()
            self.watch.state_sent()

        self.lead.hold(send_and_watch)

    def _remove_lost_bodies(self) -> None:
        bodies = [actor for actor in self.world.actors.values() if isinstance(actor, BodyActor)]
        for body in bodies:
            if not (abs(body.pose.x_m) < WORLD_LIMIT_M and abs(body.pose.y_m) < WORLD_LIMIT_M):
                _LOG.warning("%s %d left the world and is removed", body.type_id, body.id)
                self.destroy(body.id)

    def spawn(
        self,
        type_id: str,
        attributes: dict[str, str],
        pose: Pose,
        parent_id: int | None = None,
        recorded_id: int | None = None,
        attachment: Attachment = Attachment.RIGID,
    ) -> Actor:
        """Add an actor, ``recorded_id`` as for the world; raises CallError with CARLA's words where it cannot be."""
        if type_id == self.world.spectator.type_id:
            raise CallError("Spawn failed: there is only one spectator")
        if len(self.world.actors) >= MAX_ACTORS:
            raise CallError(f"Spawn failed: the world holds {MAX_ACTORS} actors already; destroy some first")
        try:
            actor = self.world.spawn(type_id, attributes, pose, parent_id, recorded_id)
        except SpawnError as error:
            raise CallError(str(error)) from error
        self._highest_id = max(self._highest_id, actor.id)
        try:
            self.sensors.add(actor)
        except CallError:
            self.world.destroy(actor.id)
            raise
        self._arms.add(actor, attachment)
        return actor

    def destroy(self, actor_id: int) -> None:
        """Remove an actor; raises CallError when there is none of this id or it is the spectator."""
        if not self.world.destroy(actor_id):
            raise CallError(f"unable to destroy actor {actor_id}: not found, or part of the town")
        self.sensors.remove(actor_id)
        for table in self._by_actor:
            table.pop(actor_id, None)

    def actor(self, actor_id: int) -> Actor:
        """Return a living actor; raises CallError when there is none."""
        actor = self.world.actors.get(actor_id)
        if actor is None:
            raise CallError(f"actor {actor_id} not found")
        return actor

    def actor_of(self, kind: type[ActorT], actor_id: int) -> ActorT:
        """Return a living actor of a kind; raises CallError when there is none or it is something else."""
        actor = self.actor(actor_id)
        if not isinstance(actor, kind):
            raise CallError(f"actor {actor_id} is a {actor.type_id}, expected a {_KIND_NAMES[kind]}")
        return actor
