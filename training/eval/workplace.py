"""Where runs are driven: a simulator, a driver and an evaluator, opened from a description that travels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from carla_lite.maps import own_town_xodr
from carla_lite.wire.process import ServerError, ServerProcess
from training.eval.drivers import WaypointBCModelWrapper
from training.eval.evaluator import CARLAClosedLoopEvaluator
from waypilot.drivers import Driver, ExpertDriver
from waypilot.rig import DEFAULT_RIG
from waypilot_carla import SessionConfig, SimulatorError, SimulatorSession


class UnusableError(Exception):
    """The evaluation cannot be driven as asked for: a checkpoint cannot be used. The message says why."""


class UnavailableError(Exception):
    """There is no simulator to drive in. The message says why."""


@dataclass(frozen=True, slots=True)
class WorkplaceConfig:
    """How to open a workplace; plain values, so that it can be sent to another process or machine.

    ``session`` says where the simulator is; with ``own_server`` a carla_lite is started for it, with ``town`` loaded.
    No ``checkpoint``: the expert drives. Pictures and videos go below ``output_dir``.
    """

    session: SessionConfig
    own_server: bool
    town: str
    output_dir: Path
    checkpoint: Path | None = None
    delta_checkpoint: Path | None = None
    pictures: bool = True
    video: bool = True


@dataclass(frozen=True, slots=True)
class Identity:
    """Who drives on what; workers of one evaluation must agree in it."""

    policy: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Workplace:
    """An open workplace. ``server_pid`` is that of a server that was started for it."""

    evaluator: CARLAClosedLoopEvaluator
    session: SimulatorSession
    identity: Identity
    server_pid: int | None


@contextmanager
def open_workplace(config: WorkplaceConfig) -> Iterator[Workplace]:
    """Load the driver, start the server if asked to, connect; close all of it in the end.

    Raises UnusableError and UnavailableError.
    """
    driver = make_driver(config)
    with ExitStack() as stack:
        try:
            session_config = replace(config.session, cameras=driver.cameras or DEFAULT_RIG)
            server = stack.enter_context(_own_server(config.town)) if config.own_server else None
            if server is not None:
                session_config = replace(session_config, host=server.host, port=server.port)
            session = stack.enter_context(SimulatorSession(session_config, own_town_xodr))
        except (SimulatorError, ServerError, OSError) as error:
            raise UnavailableError(str(error)) from error
        evaluator = CARLAClosedLoopEvaluator(
            session, driver, config.output_dir, pictures=config.pictures, video=config.video
        )
        versions = {"carla_client": session.client_version, "carla_server": session.server_version}
        identity = Identity(driver.name, versions)
        yield Workplace(evaluator, session, identity, None if server is None else server.pid)


def _own_server(town: str) -> ServerProcess:
    """Start with the first town, which saves loading it; one that it lacks is an error of that scenario only."""
    return ServerProcess() if own_town_xodr(town) is None else ServerProcess(map=town)


def make_driver(config: WorkplaceConfig) -> Driver:
    """Make the expert, or load a checkpoint. Raises UnusableError when it cannot be used."""
    if config.checkpoint is None:
        return ExpertDriver()
    try:
        return WaypointBCModelWrapper(config.checkpoint, config.delta_checkpoint)
    except (ValueError, OSError) as error:
        raise UnusableError(str(error)) from error
