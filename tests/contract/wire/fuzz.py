"""Sends malformed messages to both ports of a server: ``python -m tests.contract.wire.fuzz --messages 100000``.

Most are valid calls with values exchanged, removed, added or nested, so that they get past the framing; others are cut
off, damaged in some bytes, or noise, at which the server closes the connection: ``answered`` counts what it took as a
call. Between them a healthy client asks for the version and must be answered in time. The same ``--seed`` sends the
same bytes. Exit code 0: the server lived, answered, logged no internal error and grew by
no more than ``MAX_GROWTH_MIB`` between an episode begun after the first tenth and one begun at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack

from carla_lite.wire.methods import METHODS
from carla_lite.wire.process import ServerProcess

MAX_GROWTH_MIB = 32.0
ANSWER_TIMEOUT_S = 30.0
_MESSAGES_PER_CONNECTION = 5
_MESSAGES_PER_EPISODE = 5000
_SHARE_READING = 0.9
_POSE = [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
_CAR = [1, "vehicle.tesla.model3", [["role_name", 3, "x"]]]
_CAMERA = [2, "sensor.camera.rgb", [["image_size_x", 1, "64"], ["image_size_y", 1, "48"]]]
_VALID: list[tuple[str, list[Any]]] = [
    ("spawn_actor", [_CAR, [[50.0, 50.0, 1.0], [0.0, 0.0, 0.0]]]),
    ("spawn_actor_with_parent", [_CAMERA, _POSE, 1, 0, ""]),
    ("apply_batch", [[[8, [1, [0.0, 0.0, 0.0]]], [0, [_CAR, _POSE, [False], 0, "", []]], [1, [7]]], False]),
    ("set_episode_settings", [[True, False, [True, 0.05], True, 0.01, 10, 0.0, False, 3000.0, 2000.0, True]]),
    ("set_weather_parameters", [[0.0] * 14]),
    ("set_actor_transform", [1, _POSE]),
    ("apply_control_to_vehicle", [1, [0.5, 0.0, 0.0, False, False, False, 0]]),
    ("apply_control_to_walker", [1, [[1.0, 0.0, 0.0], 1.0, False]]),
    ("set_vehicle_light_state", [1, 3]),
    ("get_actors_by_id", [[1, 2, 3]]),
    ("cast_ray", [[0.0, 0.0, 1.0], [10.0, 0.0, 1.0]]),
    ("project_point", [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], 10.0]),
    ("get_environment_objects", [0]),
    ("start_recorder", ["fuzz.log", True]),
    ("replay_file", ["fuzz.log", 0.0, 0.0, 1, True, _POSE]),
    ("set_replayer_time_factor", [1.0]),
    ("show_recorder_file_info", ["fuzz.log", False]),
    ("show_recorder_collisions", ["fuzz.log", 97, 97]),
    ("tick_cue", []),
    ("get_actor_definitions", []),
    ("version", []),
]
_ODD: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**32, 2**63, -(2**63), 2**64 - 1, math.nan, math.inf, -math.inf, 1e308, -1e-320,
    "", "x", "x" * 5000, "\0", "\u202e", "9" * 400, b"", b"\xff" * 9, [], [[]], [0] * 300, [math.nan] * 3, {}, {"a": 1},
]  # fmt: skip


def _mutated(random_: random.Random, value: Any) -> Any:
    """Return ``value`` with something about it changed."""
    if isinstance(value, list) and value and random_.random() < 0.85:
        changed = list(value)
        place = random_.randrange(len(changed))
        action = random_.randrange(8)
        if action == 0:
            del changed[place]
        elif action == 1:
            changed.insert(place, random_.choice(_ODD))
        elif action == 2:
            changed[place] = [changed[place]] * random_.randrange(4)
        else:
            changed[place] = _mutated(random_, changed[place])
        return changed
    if random_.random() < 0.1:
        for _ in range(random_.choice((3, 40, 400))):
            value = [value]
        return value
    if isinstance(value, int | float) and random_.random() < 0.4:
        near = value + 1 if abs(value) < 2**62 else value - 1
        return random_.choice((near, value * -1e6, random_.uniform(-100.0, 100.0), random_.getrandbits(32)))
    return random_.choice(_ODD)


def malformed(random_: random.Random) -> bytes:
    """Make one message for the RPC port."""
    kind = random_.random()
    if kind < 0.03:
        return random_.randbytes(random_.randrange(1, 400))
    if kind < 0.45:
        name, arguments = random_.choice(_VALID)
    else:
        name = random_.choice(sorted(METHODS))
        arguments = [random_.choice([*_ODD, 1, 1, 5, _POSE, _POSE[0]]) for _ in range(len(METHODS[name].arguments))]
    message: list[Any] = [0, random_.getrandbits(31), name, [[False], *arguments]]
    if kind < 0.06:
        message = _mutated(random_, message)
    elif kind < 0.45:
        changed = _mutated(random_, arguments) if arguments else random_.choice(_ODD)
        message[3][1:] = changed if isinstance(changed, list) else [changed]
    if kind > 0.98:
        message[2] = random_.choice(("", "x" * 9999, name + "_", "console_command"))
    packed = bytearray(msgpack.packb(message))
    if 0.45 < kind < 0.5:
        packed[random_.randrange(len(packed))] = random_.getrandbits(8)
    return bytes(packed[: random_.randrange(len(packed))] if 0.5 < kind < 0.52 else packed)


@dataclass
class Outcome:
    """What came of a run."""

    sent: int = 0
    answered: int = 0
    cut_off: int = 0
    slowest_answer_s: float = 0.0
    growth_mib: float = 0.0


class _Healthy:
    """A client that must always be answered."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S)
        self._unpacker = msgpack.Unpacker()

    def call(self, name: str, *arguments: Any) -> Any:
        """Return the result; raises TimeoutError when there is none in time."""
        self._socket.sendall(msgpack.packb([0, 1, name, [[False], *arguments]]))
        while True:
            for message in self._unpacker:
                return message[3]
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionError("the server closed a healthy connection")
            self._unpacker.feed(data)


def fuzz(server: ServerProcess, messages: int, seed: int) -> Outcome:
    """Send ``messages`` messages; raises TimeoutError or ConnectionError when the healthy client is not served."""
    random_ = random.Random(seed)
    healthy = _Healthy(server.port)
    outcome = Outcome()
    first_mib = None
    lingering: list[socket.socket] = []  # half open, or subscribed without ever reading
    next_episode = 0
    while outcome.sent < messages:
        if outcome.sent >= next_episode:
            healthy.call("load_new_episode", "Lite01", True, 65535)
            next_episode += _MESSAGES_PER_EPISODE
            if first_mib is None and outcome.sent >= messages // 10:
                first_mib = _resident_mib(server.pid)
        lingering.append(_attack_streaming(server.streaming_port, random_))
        _attack_rpc(server.port, random_, outcome)
        while len(lingering) > 20:
            lingering.pop(random_.randrange(len(lingering))).close()
        start_s = time.monotonic()
        if (answer := healthy.call("version")) != [[1, "0.9.16"]]:
            raise ConnectionError(f"a healthy client was told {answer!r}")
        outcome.slowest_answer_s = max(outcome.slowest_answer_s, time.monotonic() - start_s)
    for connection in lingering:
        connection.close()
    healthy.call("load_new_episode", "Lite01", True, 65535)
    outcome.growth_mib = _resident_mib(server.pid) - (first_mib or _resident_mib(server.pid))
    return outcome


def _attack_rpc(port: int, random_: random.Random, outcome: Outcome) -> None:
    """Send messages over one connection, until the server closes it; some clients vanish without reading an answer."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S) as connection:
        batch = [malformed(random_) for _ in range(_MESSAGES_PER_CONNECTION)]
        outcome.sent += len(batch)
        reads = random_.random() < _SHARE_READING
        try:
            connection.sendall(b"".join(batch))
            if reads:
                connection.shutdown(socket.SHUT_WR)
                outcome.answered += _count_answers(connection)
        except ConnectionError:
            outcome.cut_off += 1


def _count_answers(connection: socket.socket) -> int:
    answers = msgpack.Unpacker(max_buffer_size=0)
    count = 0
    while data := connection.recv(1 << 16):
        answers.feed(data)
        count += sum(1 for _ in answers)
    return count


def _attack_streaming(port: int, random_: random.Random) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S)
    stream_id = struct.pack("<I", random_.choice((0, 1, 7, 2**31 + 1, 2**32 - 1, random_.getrandbits(32))))
    choices = (b"", stream_id[:2], stream_id, stream_id + random_.randbytes(300), random_.randbytes(3000))
    with contextlib.suppress(OSError):
        connection.sendall(random_.choice(choices))
    return connection


def _resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def complaints(server: ServerProcess, outcome: Outcome) -> list[str]:
    """List what is wrong with a server after a run."""
    found = [line for line in server.log.splitlines() if "Traceback" in line or "Error:" in line or " failed" in line]
    if server.exit_code is not None:
        found.append(f"the server ended with code {server.exit_code}")
    if outcome.growth_mib > MAX_GROWTH_MIB:
        found.append(f"the server grew by {outcome.growth_mib:.1f} MiB")
    return found


@contextlib.contextmanager
def fuzzed_server() -> Iterator[ServerProcess]:
    """Run a server whose recordings go to a folder that goes with it: the fuzz makes some."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("--log-level", "error", "--recordings", folder)
        with ServerProcess(map="Lite01", ready_timeout_s=240.0, extra_arguments=arguments) as server:
            yield server


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz a server of its own and say what came of it."""
    parser = argparse.ArgumentParser(description="Send malformed messages to carla_lite's ports.")
    parser.add_argument("--messages", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the messages (default: %(default)s)")
    options = parser.parse_args(arguments)
    with fuzzed_server() as server:
        start_s = time.monotonic()
        try:
            outcome = fuzz(server, options.messages, options.seed)
        except OSError as error:
            print(f"a healthy client was not served: {error!r}\n{server.log[-5000:]}")
            return 1
        print(f"{outcome} in {time.monotonic() - start_s:.0f} s", flush=True)
        found = complaints(server, outcome)
        print(*found[:40], sep="\n")
        if found:
            print(server.log[-5000:])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
