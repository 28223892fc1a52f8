"""One simulator, one vehicle, one frame at a time: what the ROS bridge and the in-process evaluation drive through."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from types import TracebackType

import carla

from waypilot.geometry import SE2
from waypilot.rig import DEFAULT_RIG, CameraSpec
from waypilot.scenarios import Scenario, vary
from waypilot.surroundings import Surroundings
from waypilot.types import Control, EgoState
from waypilot_carla import convert
from waypilot_carla.connection import Connection, Endpoint
from waypilot_carla.errors import SetupError, SimulatorError, SimulatorLost
from waypilot_carla.frame import LateEvents, PreparedScenario, SimulatorFrame
from waypilot_carla.route_planner import plan_route
from waypilot_carla.sensors import SensorSuite
from waypilot_carla.sketch import MapSketch, sketch_map
from waypilot_carla.spawn import spawn_vehicle, vehicle_info
from waypilot_carla.stage import Stage
from waypilot_carla.surroundings import SurroundingsReader
from waypilot_carla.world import MapLoader, XodrProvider, last_part, set_weather, step_synchronously

_LOG = logging.getLogger(__name__)
_FULL_BRAKE = Control(brake=1.0, hand_brake=True)
_STREAM_WAIT_S = 0.25
_START_GRID = 10  # frame 0 follows a multiple of this many steps on the simulator's clock


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """How to reach the simulator and what the vehicle carries.

    ``timeout_s`` bounds every answer of the simulator except map loads (``load_timeout_s``). At least
    ``settle_ticks`` braked ticks come before frame 0, ``finish_ticks`` after the last one. Raises ValueError for
    values that cannot work.
    """

    host: str = "127.0.0.1"
    port: int = 2000
    timeout_s: float = 5.0
    load_timeout_s: float = 120.0
    connect_timeout_s: float = 10.0
    fixed_delta_s: float = 0.05
    cameras: tuple[CameraSpec, ...] = field(default=DEFAULT_RIG)
    role_name: str = "ego_vehicle"
    settle_ticks: int = 20
    finish_ticks: int = 5

    def __post_init__(self) -> None:
        self.endpoint  # noqa: B018  validates host, port and time-outs
        if not 0.0 < self.fixed_delta_s <= 0.1:
            raise ValueError(f"fixed_delta_s is {self.fixed_delta_s}, CARLA's physics allow more than 0 up to 0.1 s")
        names = [camera.name for camera in self.cameras]
        if len(set(names)) != len(names):
            raise ValueError(f"camera names must differ, got {', '.join(names)}")
        if not self.role_name:
            raise ValueError("role_name is empty, give the vehicle a name such as ego_vehicle")
        if self.settle_ticks < 2:
            raise ValueError(f"settle_ticks is {self.settle_ticks}, at least 2 are needed for the sensors to start")
        if self.finish_ticks < 1:
            raise ValueError(f"finish_ticks is {self.finish_ticks}, at least 1 is needed for late events to arrive")

    @property
    def endpoint(self) -> Endpoint:
        """Host, port and time-outs."""
        return Endpoint(self.host, self.port, self.timeout_s, self.load_timeout_s, self.connect_timeout_s)


@dataclass(slots=True)
class _Episode:
    """What lives from ``prepare`` to the next one."""

    world: carla.World
    vehicle: carla.Vehicle
    sensors: SensorSuite
    stage: Stage
    surroundings: SurroundingsReader | None = None
    last_ego: EgoState | None = None  # of the last frame that tick() returned


class SimulatorSession:
    """Owns the only ``carla.Client``. Not for several threads at once.

    Order of calls: ``prepare``, then any number of ``tick`` and ``apply``, then ``finish``; and again, or ``close``.
    Raises SimulatorUnreachable on construction when no server answers. Any call may raise SimulatorLost, after which
    only ``close`` makes sense; it returns without waiting for the lost simulator.
    ``xodr_provider`` gives the OpenDRIVE text of maps that the server may lack.
    """

    def __init__(self, config: SessionConfig, xodr_provider: XodrProvider | None = None) -> None:
        self.config = config
        self._connection = Connection(config.endpoint)
        self._maps = MapLoader(self._connection, xodr_provider)
        self._episode: _Episode | None = None

    @property
    def server_version(self) -> str:
        """Version that the server reports, and which simulator it is: a result must not pass for real CARLA."""
        return f"{self._connection.server_version} ({self._connection.simulator})"

    @property
    def client_version(self) -> str:
        """Version of the carla client in use."""
        return self._connection.client_version

    @property
    def lost(self) -> bool:
        """Whether the simulator stopped answering; then leave the process through ``connection.exit_process``."""
        return self._connection.lost

    def prepare(self, scenario: Scenario, seed: int) -> PreparedScenario:
        """Load the map afresh, set step and weather, plan the route, spawn vehicle, sensors and actors, settle.

        ``seed`` varies the scenario within its bounds and goes to everything in the simulator that draws by chance;
        there is nothing else random in it.
        Raises SetupError when the scenario does not fit the simulator; what was spawned for it is gone then, and the
        session can prepare another one.
        """
        self._clear()
        try:
            return self._prepare(scenario, seed)
        except Exception:
            self._clear()
            raise

    def _prepare(self, scenario: Scenario, seed: int) -> PreparedScenario:
        with self._connection.asking("switching to synchronous steps"):
            step_synchronously(self._connection.client.get_world(), self.config.fixed_delta_s)
        scenario = vary(scenario, seed)
        world = self._maps.load(scenario.map)
        with self._connection.asking("setting up the world"):
            step_synchronously(world, self.config.fixed_delta_s)
            set_weather(world, scenario.weather)
            world.set_pedestrians_seed(seed)
            town = world.get_map()
        route = plan_route(town, scenario.start_pose, scenario.goal_m, scenario.via_m)
        with self._connection.asking("spawning vehicle and sensors"):
            vehicle = spawn_vehicle(world, town, scenario, self.config.role_name)
            stage = Stage(self._connection, world, town, scenario)
            episode = self._episode = _Episode(world, vehicle, SensorSuite(world, vehicle), stage)
            surroundings = episode.surroundings = SurroundingsReader(world, town, vehicle, route.points_m)
            episode.sensors.attach(self.config.cameras)
            stage.set(route, surroundings.scene, seed)
        frame = self._settle(episode)
        with self._connection.asking("beginning the scenario"):
            stage.begin()
            snapshot = world.get_snapshot()
            return PreparedScenario(
                route=route,
                goal_m=scenario.goal_m,
                map_name=last_part(scenario.map),
                opendrive=town.to_opendrive(),
                vehicle=vehicle_info(vehicle, self.config.role_name),
                start_pose=convert.pose(vehicle.get_transform()),
                settled_frame=frame,
                settled_stamp_ns=convert.stamp_ns(snapshot.timestamp.elapsed_seconds),
                scene=surroundings.scene,
            )

    def spawn_poses(self, map_name: str) -> tuple[SE2, ...]:
        """Load a map and list its spawn points in the map's order. Ends the scenario under way. Raises SetupError."""
        self._clear()
        world = self._maps.load(map_name)
        with self._connection.asking("the map's spawn points"):
            return tuple(convert.pose(transform).planar for transform in world.get_map().get_spawn_points())

    def sketch_map(self, map_name: str) -> MapSketch:
        """Load a map and list its lanes and spawn points. Ends the scenario under way. Raises SetupError."""
        self._clear()
        world = self._maps.load(map_name)
        with self._connection.asking("the map's lanes"):
            return sketch_map(world.get_map())

    def tick(self) -> SimulatorFrame:
        """Advance one step and gather everything of it. Raises SimulatorLost, naming what did not come."""
        episode = self._running()
        if episode.last_ego is not None:
            with self._connection.asking("commands for the scenario's actors"):
                episode.stage.play(episode.last_ego, episode.world.get_snapshot())
        with self._connection.asking("the tick"):
            number = episode.stage.tick(self.config.timeout_s)
            snapshot = episode.world.get_snapshot()
            control = episode.vehicle.get_control()
        actor = snapshot.find(episode.vehicle.id)
        if snapshot.frame != number or actor is None:
            raise self._connection.lose(
                f"frame {number} of the simulator at {self._connection.endpoint} came as frame {snapshot.frame} "
                f"{'with' if actor else 'without'} the vehicle; does another client tick this world or load maps?"
            )
        stamp_ns = convert.stamp_ns(snapshot.timestamp.elapsed_seconds)
        try:
            readings = episode.sensors.read(number, self.config.timeout_s)
        except SimulatorLost as error:
            raise self._connection.lose(str(error)) from error
        ego = episode.last_ego = convert.ego_state(actor, stamp_ns)
        return SimulatorFrame(
            frame=number,
            stamp_ns=stamp_ns,
            ego=ego,
            status=convert.vehicle_status(actor, control),
            images_bgra=readings.images_bgra,
            imu=readings.imu,
            gnss=readings.gnss,
            collisions=episode.sensors.take_collisions(),
            lane_invasions=episode.sensors.take_lane_invasions(),
            surroundings=self._look_around(episode, snapshot, ego),
        )

    def _look_around(self, episode: _Episode, snapshot: carla.WorldSnapshot, ego: EgoState) -> Surroundings | None:
        if episode.surroundings is None:
            return None
        with self._connection.asking("the surroundings"):
            return episode.surroundings.read(snapshot, ego.pose_map_from_base_link.planar, ego.stamp_ns)

    def apply(self, control: Control) -> None:
        """Set the vehicle's command for the following ticks."""
        episode = self._running()
        with self._connection.asking("the vehicle command"):
            episode.vehicle.apply_control(convert.vehicle_control(control))

    def finish(self) -> LateEvents:
        """Brake for a few ticks and return the drive's events that had not arrived yet.

        What happens during these ticks does not belong to the drive and is dropped. The vehicle stays where it is.
        """
        episode = self._running()
        last = episode.last_ego
        if last is None:
            return LateEvents((), ())
        self.apply(_FULL_BRAKE)
        frames = [self.tick() for _ in range(self.config.finish_ticks)]
        episode.last_ego = last
        collisions = [event for frame in frames for event in frame.collisions] + [*episode.sensors.take_collisions()]
        crossings = [event for frame in frames for event in frame.lane_invasions] + [
            *episode.sensors.take_lane_invasions()
        ]
        return LateEvents(
            tuple(event for event in collisions if event.stamp_ns <= last.stamp_ns),
            tuple(event for event in crossings if event.stamp_ns <= last.stamp_ns),
        )

    def close(self) -> None:
        """Destroy what was spawned and restore the world's settings; never raises, never waits for a lost server.

        May be called several times.
        """
        for step in (self._clear, self._restore_settings):
            try:
                step()
            except SimulatorError as error:  # whoever closes has no use for a second error, only for the next step
                _LOG.warning("closing the session: %s", error)

    def __enter__(self) -> SimulatorSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _settle(self, episode: _Episode) -> int:
        """Tick braked until the vehicle stands and every sensor delivers; return the last frame's number.

        A sensor's stream is opened in the background after ``listen``, so that its first frames may be missing. While
        loading a map the client ticks as often as it has to wait, so the clock is brought to a round number of steps:
        rain, for one, falls by the clock.
        """
        self.apply(_FULL_BRAKE)
        ticks, settled = 0, False
        while not settled:
            # The first picture of a map may take as long as loading it did.
            bound_s = self.config.timeout_s if ticks else max(self.config.timeout_s, self.config.load_timeout_s)
            with self._connection.asking("a settling tick", bound_s):
                number = episode.stage.tick(bound_s)
                elapsed_s = episode.world.get_snapshot().timestamp.elapsed_seconds
            ticks += 1
            settled = (
                ticks >= self.config.settle_ticks and round(elapsed_s / self.config.fixed_delta_s) % _START_GRID == 0
            )
            patience_s = self.config.timeout_s if settled else _STREAM_WAIT_S
            missing = episode.sensors.silent(number, patience_s)
        if missing:
            raise self._connection.lose(
                f"{', '.join(missing)} sent nothing for frame {number}, tick {ticks} after the start, "
                f"within {patience_s:g} s"
            )
        episode.sensors.take_collisions()  # touching the ground is no collision of the drive
        episode.sensors.take_lane_invasions()
        return number

    def _running(self) -> _Episode:
        if self._episode is None:
            raise SetupError("no scenario is prepared: call prepare(scenario, seed) first")
        return self._episode

    def _restore_settings(self) -> None:
        if not self._connection.lost:
            self._connection.restore_settings()

    def _clear(self) -> None:
        """End the current episode: streams first, since a stream of a destroyed sensor reconnects for ever."""
        episode, self._episode = self._episode, None
        if episode is None:
            return
        episode.sensors.stop()
        actors = [*(sensor.id for sensor in episode.sensors.actors), *episode.stage.ids, episode.vehicle.id]
        if not self._connection.lost:
            with self._connection.asking("destroying vehicle, sensors and actors"):
                episode.stage.close()
                self._connection.client.apply_batch_sync([carla.command.DestroyActor(actor) for actor in actors])
