"""Ticks that hang with the genuine Traffic Manager: ``python -m benchmarks.tm_hangs [--ticks 20000]``.

The Traffic Manager of CARLA's client can lose a wake-up, and then ``world.tick()`` never returns; whether it does
depends on when carla_lite answers (see ``carla_lite.wire.lead``). The server then wakes it (``carla_lite.wire.wake``);
how often it had to is counted. A tick that takes longer than 5 s all the same counts as a hang: the client ticks in a
process of its own, which is killed, and another one goes on in a fresh world.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection

from benchmarks.figures import Figure, show
from carla_lite.wire.process import ServerProcess

_CARS = 12
_HANGS_AFTER_S = 5.0
_START_S = 60.0
_REPORT_TICKS = 20
_CASES = {"without camera": (), "one awaited 320x180 camera": ((320, 180),)}
_TOWN = "Lite04"


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Tick, count and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tm_hangs", description="Hangs of the Traffic Manager")
    parser.add_argument("--ticks", type=int, default=10_000, help="ticks per case (default: %(default)s)")
    options = parser.parse_args(arguments)
    figures = []
    for name, cameras in _CASES.items():
        hangs, woken = _count(cameras, options.ticks)
        figures.append(Figure.of(f"hangs in {options.ticks} ticks, {name}", "hangs", [hangs]))
        figures.append(Figure.of(f"woken in {options.ticks} ticks, {name}", "times", [woken]))
    return show(figures)


def _count(cameras: Sequence[tuple[int, int]], ticks: int) -> tuple[int, int]:
    """Return how many clients hung until so many ticks were done, and how often the server has woken one."""
    done = hangs = woken = 0
    while done < ticks:
        with ServerProcess(map=_TOWN, extra_arguments=("--log-level", "warning")) as server:
            completed = _drive(server, cameras, ticks - done)
            woken += server.log.count("and is woken")
        hangs += completed < ticks - done
        done += completed
    return hangs, woken


def _drive(server: ServerProcess, cameras: Sequence[tuple[int, int]], ticks: int) -> int:
    """Let a client tick in a process of its own; return how many ticks were done before one hung."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    client = context.Process(target=_tick, args=(theirs, server.host, server.port, cameras, ticks), daemon=True)
    client.start()
    theirs.close()
    completed, patience_s = 0, _START_S
    try:
        while completed < ticks and ours.poll(patience_s):
            completed, patience_s = ours.recv(), _HANGS_AFTER_S
    except EOFError:
        raise RuntimeError(f"the client ended after {completed} of {ticks} ticks") from None
    finally:
        client.kill()
        client.join()
    if patience_s == _START_S:
        raise RuntimeError(f"the client did not begin to tick within {_START_S:g} s")
    return completed


def _tick(progress: Connection, host: str, port: int, cameras: Sequence[tuple[int, int]], ticks: int) -> None:
    import carla  # here, so that only this process can be caught in it

    from benchmarks.wire_traffic import Case, world_of

    client = carla.Client(host, port)
    client.set_timeout(_START_S)
    with world_of(client, Case("", _CARS, "traffic manager", tuple(cameras))) as tick:
        for number in range(1, ticks + 1):
            tick()
            if number % _REPORT_TICKS == 0 or number == ticks:
                progress.send(number)


if __name__ == "__main__":
    main()
