"""The command line: options, the way up to "ready", signals, exit codes."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from carla_lite.maps import SEEDED_TOWNS, OpenDriveError, TownMap, town_from_xodr
from carla_lite.wire.errors import CallError
from carla_lite.wire.fine_timers import FineTimersPolicy
from carla_lite.wire.maps_folder import MapsFolder
from carla_lite.wire.peers import GONE_AFTER_S
from carla_lite.wire.recordings_folder import RecordingsFolder, default_folder
from carla_lite.wire.server import PortError, Ports, Server, bind_ports
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.streams import StreamHub
from carla_lite.wire.towns import TownLibrary
from carla_lite.wire.warmup import warm_up, warm_up_steps

EXIT_OK, EXIT_USAGE = 0, 2
# The kernel counts the pause before its probes in whole seconds, and in 15 bits.
_SHORTEST_TIMEOUT_S, _LONGEST_TIMEOUT_S = 2.0, 32767.0
_TIMEOUTS = f"{_SHORTEST_TIMEOUT_S:g} to {_LONGEST_TIMEOUT_S:g}"

_DESCRIPTION = """\
A CPU-only driving simulator that speaks CARLA 0.9.16's network protocol: use it with the unmodified
'carla' Python client. It serves RPC on PORT and sensor streams on the next port, on this machine only
unless --host says otherwise."""
_EXAMPLES = """\
examples:
  python -m carla_lite                                 Lite01 on port 2000
  python -m carla_lite --map Lite02 --port 2100        another town, another port
  python -m carla_lite --map generate:7                a town made from a seed
  python -m carla_lite --map signals:7                 the same streets with traffic lights, signs and speed limits
  python -m carla_lite --map country:2                 long streets with wide bends; odd seeds: two lanes each way
  python -m carla_lite --xodr my_town.xodr             any OpenDRIVE map; its name is that of the file
  python -m carla_lite --maps-dir ~/carla/OpenDrive --map Town03
                                                       your own copies of CARLA's towns, by their names
  python -m carla_lite --port 0 --ready-file r.json    any free ports, written to r.json when ready
  python -m carla_lite --list-maps                     the maps

exit codes: 0 ended by SIGINT, SIGTERM or --stop-with-stdin; 2 bad options, unusable map or port in use.
The first start compiles the physics and the renderer for about a minute; later ones use numba's cache."""


class UsageError(Exception):
    """What the user asked for cannot be done; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, read."""

    map: str
    xodr: Path | None
    maps_dir: Path | None
    alias_towns: bool
    recordings: Path
    host: str
    port: int
    streaming_port: int | None
    seed: int
    client_timeout: float
    log_level: str
    ready_file: Path | None
    stop_with_stdin: bool
    list_maps: bool
    compile_only: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server; returns the exit code."""
    options = parse(arguments)
    logging.basicConfig(level=options.log_level.upper(), format="carla_lite: %(levelname)s: %(message)s")
    try:
        if options.list_maps:
            print(*_library(options, None).short_names(), *SEEDED_TOWNS, sep="\n")
        elif options.compile_only:
            _compile(options)
        else:
            _serve(options)
    except (UsageError, PortError) as error:
        print(f"carla_lite: {error}", file=sys.stderr)
        return EXIT_USAGE
    return EXIT_OK


def parse(arguments: Sequence[str] | None) -> Options:
    """Read the command line; argparse ends the process with code 2 when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m carla_lite",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--map", default="Lite01", metavar="NAME", help="town to start with (default: %(default)s)")
    source.add_argument("--xodr", type=Path, metavar="FILE", help="start with this OpenDRIVE map instead")
    add("--maps-dir", type=Path, metavar="FOLDER", help="serve the OpenDRIVE files of this folder by their names, too")
    add("--alias-towns", action="store_true", help="let our towns stand in for CARLA's (Town01, ...), with a warning")
    add(
        "--recordings",
        type=Path,
        metavar="FOLDER",
        default=default_folder(),
        help="where start_recorder writes and replay_file reads (default: %(default)s)",
    )
    add("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for all (default: %(default)s)")
    add("--port", type=_port, default=2000, help="RPC port, 0 for any free one (default: %(default)s)")
    add("--streaming-port", type=_port, metavar="PORT", help="port of the streams (default: the one after --port)")
    add("--seed", type=int, default=0, help="seed of sensor noise, 0 or more (default: %(default)s)")
    add(
        "--client-timeout",
        type=float,
        metavar="SECONDS",
        default=GONE_AFTER_S,
        help=f"drop who is gone silently or takes nothing of what waits, after {_TIMEOUTS} s (default: %(default)g)",
    )
    levels = ("debug", "info", "warning", "error")
    add("--log-level", choices=levels, default="info", help="how much to log on stderr (default: %(default)s)")
    add("--ready-file", type=Path, metavar="FILE", help="holds ports and map as JSON while clients are welcome")
    add("--stop-with-stdin", action="store_true", help="end when standard input closes: with the process that owns it")
    add("--list-maps", action="store_true", help="name the maps and end")
    add("--compile-only", action="store_true", help="fill numba's cache and end: for images and CI")
    options = Options(**vars(parser.parse_args(arguments)))
    if options.seed < 0:
        parser.error("--seed must be 0 or more")
    if not _SHORTEST_TIMEOUT_S <= options.client_timeout <= _LONGEST_TIMEOUT_S:
        parser.error(f"--client-timeout must be {_TIMEOUTS} seconds")
    if options.ready_file is not None and not options.ready_file.parent.is_dir():
        parser.error(f"--ready-file: there is no folder {options.ready_file.parent}")
    return options


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port number; give one from 0 to 65535")
    return int(text)


def _compile(options: Options) -> None:
    from rich.console import Console  # only here, as a server that starts shall not wait for it

    from carla_lite.wire.compiling import run_steps

    print(
        "compiling into numba's cache: about a minute, most of it for the first part; seconds when all is there",
        flush=True,
    )
    run_steps(warm_up_steps(*_towns(options)), Console())


def _serve(options: Options) -> None:
    if options.stop_with_stdin:
        threading.Thread(target=_watch_stdin, daemon=True).start()
    ports = bind_ports(options.host, options.port, options.streaming_port)
    try:
        _forget_ready(options)  # of an earlier server: whoever waits for the file must not find that one's
        town, towns = _towns(options)
        warm_up(town, towns)
        hub = StreamHub(options.client_timeout)
        simulation = Simulation(
            town, towns, RecordingsFolder(options.recordings), hub, ports.streaming_port, options.seed
        )
        asyncio.set_event_loop_policy(FineTimersPolicy())
        server = Server(simulation, hub, ports, options.client_timeout)
        asyncio.run(_run(server, lambda: _announce(options, ports, town)))
    finally:
        _forget_ready(options)  # while the ports are ours: the file of who takes them next must stay
        ports.close()


def _towns(options: Options) -> tuple[TownMap, TownLibrary]:
    """Return the town to start with and all that can be loaded."""
    own = None if options.xodr is None else _town_of_file(options.xodr)
    towns = _library(options, own)
    try:
        return own or towns.find(options.map), towns
    except CallError as error:
        raise UsageError(f"cannot load the map: {error}") from error


def _library(options: Options, own: TownMap | None) -> TownLibrary:
    try:
        folder = None if options.maps_dir is None else MapsFolder(options.maps_dir)
    except ValueError as error:
        raise UsageError(f"--maps-dir: {error}") from error
    return TownLibrary(own, folder, options.alias_towns)


def _town_of_file(path: Path) -> TownMap:
    try:
        return town_from_xodr(path.stem, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, OpenDriveError) as error:
        raise UsageError(f"cannot load the map: {error}") from error


async def _run(server: Server, on_ready: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.run(on_ready)


def _watch_stdin() -> None:
    """End the process when nobody holds the other end of standard input any more, also while it starts."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _announce(options: Options, ports: Ports, town: TownMap) -> None:
    """Tell the user, and whoever waits for the ready file, that clients are welcome."""
    print(
        f"carla_lite ready: port {ports.rpc_port}, streaming port {ports.streaming_port}, map {town.name}", flush=True
    )
    if options.ready_file is not None:
        ready = {"port": ports.rpc_port, "streaming_port": ports.streaming_port, "map": town.name, "pid": os.getpid()}
        _write_atomically(options.ready_file, json.dumps(ready))


def _forget_ready(options: Options) -> None:
    if options.ready_file is not None:
        options.ready_file.unlink(missing_ok=True)


def _write_atomically(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    os.replace(file.name, path)
