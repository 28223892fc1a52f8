"""Speed and memory of what reads bags: ``python -m benchmarks.bags [--bag BAG] [--runs N]``.

Without ``--bag`` one drive is recorded through ROS first (needs ``. scripts/ros_env.sh``). The long bag is that drive
ten times in a row, 1 s apart; for judging again it is ten judged drives. Peak memory is that of a process which does
nothing else.
"""

from __future__ import annotations

import argparse
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rosbags.highlevel import AnyReader

from benchmarks import in_process
from benchmarks.figures import Figure, show
from training.eval.eval_bag import evaluate
from training.eval.recompute_metrics import recompute
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.bags import Bag, BagWriter
from waypilot.bags.drives import judged_topics
from waypilot.bags.frames import first_route, image_from_msg
from waypilot.bags.layout import Layout, LayoutOptions, detect
from waypilot.bags.recorded_drive import RESULT, SETUP
from waypilot.bags.recording import first_stamp_ns
from waypilot.types import NANOSECONDS_PER_SECOND

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 300.0
TIMES, PAUSE_NS = 10, NANOSECONDS_PER_SECOND
MISS_M = 2.0


def record(folder: Path) -> Path:
    """Drive once through ROS with the shipped checkpoint; return the bag of the drive."""
    words = ["policy:=checkpoint", f"checkpoint:={in_process.SHIPPED}", f"output_dir:={folder}", "bags:=true"]
    words += [f"scenarios:={in_process.SCENARIO}", "video:=false"]
    command = [sys.executable, "-m", "waypilot.supervisor", str(ROOT / "launch" / "stack.yaml"), *words]
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    if run.returncode != 0:
        raise RuntimeError(f"the run ended with code {run.returncode}:\n{run.stdout}{run.stderr}")
    return next((folder / "bags").iterdir())


def repeat(source: Path, target: Path, times: int) -> Path:
    """Write route, odometry and images of a drive several times in a row, with stamps that go on."""
    with Bag(source) as bag, BagWriter(target, "mcap") as writer:
        layout = detect(bag.topics, LayoutOptions())
        once = [topic for topic in (layout.setup, layout.route) if topic is not None]
        stamped = [layout.odometry, *layout.cameras.values()]
        for topic in (*once, *stamped):
            writer.add_topic(bag.topics[topic])
        step_ns = round(seconds_of(bag, layout) * NANOSECONDS_PER_SECOND) + PAUSE_NS
        for lap in range(times):
            for message in bag.messages({*stamped, *(() if lap else once)}):
                shift_ns = lap * step_ns
                data = _later(message.data, shift_ns) if message.topic in stamped else message.data
                writer.write(message.topic, message.time_ns + shift_ns, data)
    return target


def repeat_judged(source: Path, target: Path, times: int) -> Path:
    """Write what a drive is judged by several times in a row: that many drives, each from set-up to result."""
    with Bag(source) as bag, BagWriter(target, "mcap") as writer:
        topics = sorted(judged_topics() & bag.topics.keys())
        for topic in topics:
            writer.add_topic(bag.topics[topic])
        # As a recorder that lags behind nowhere stores them.
        last = {SETUP: -1, RESULT: 1}
        messages = sorted(bag.messages(topics), key=lambda message: last.get(message.topic, 0))
        for message in messages * times:
            writer.write(message.topic, message.time_ns, message.data)
    return target


def seconds_of(bag: Bag, layout: Layout) -> float:
    """Tell how long a drive is, in simulated time."""
    stamps_ns = [first_stamp_ns(message.data) for message in bag.messages({layout.odometry})]
    return (max(stamps_ns) - min(stamps_ns)) / NANOSECONDS_PER_SECOND


def _later(data: bytes, shift_ns: int) -> bytes:
    """Move the stamp that a serialized message begins with."""
    stamp = divmod(first_stamp_ns(data) + shift_ns, NANOSECONDS_PER_SECOND)
    return data[:4] + struct.pack("<iI" if data[1] & 1 else ">iI", *stamp) + data[12:]


def timed(work: Callable[[], object]) -> float:
    """Wall seconds of some work."""
    begun_s = time.perf_counter()
    work()
    return time.perf_counter() - begun_s


def judge_again(path: Path) -> None:
    """Recompute the metrics of a bag."""
    with Bag(path) as bag:
        if any(entry["differences"] != [] for entry in recompute(bag)):
            raise RuntimeError(f"{path}: the recomputed metrics are not those published")


def plan_again(path: Path) -> None:
    """Evaluate ADE and FDE of the shipped checkpoint on a bag, predictions included, without PDMS-like terms."""
    with Bag(path) as bag, tempfile.TemporaryDirectory() as folder:
        evaluate(bag, LayoutOptions(), in_process.SHIPPED, MISS_M, Path(folder) / "predictions" / "0.json", 0.0)


def read_bare(path: Path) -> None:
    """Read and decode the same topics with rosbags alone, and turn images into RGB."""
    with Bag(path) as bag:
        layout = detect(bag.topics, LayoutOptions())
        first_route(bag, layout)
    topics = {layout.odometry, *layout.cameras.values()}
    with AnyReader([path]) as reader:
        wanted = [connection for connection in reader.connections if connection.topic in topics]
        for connection, _, data in reader.messages(wanted):
            message = reader.deserialize(data, connection.msgtype)
            if connection.topic != layout.odometry:
                image_from_msg(message)


class ForwardPass:
    """Measures the time inside the network: encoder and heads on a batch that is ready for them."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self._original = WaypointPolicyTorch._infer

    def __enter__(self) -> ForwardPass:
        def measured(policy: WaypointPolicyTorch, batch: object) -> object:
            begun_s = time.perf_counter()
            try:
                return self._original(policy, batch)
            finally:
                self.spent_s += time.perf_counter() - begun_s

        WaypointPolicyTorch._infer = measured
        return self

    def __exit__(self, *_: object) -> None:
        WaypointPolicyTorch._infer = self._original


def evaluation_figures(name: str, path: Path, runs: int) -> list[Figure]:
    """Measure an evaluation and, beside it each time, bare reading."""
    with Bag(path) as bag:
        length_s = seconds_of(bag, detect(bag.topics, LayoutOptions()))
    totals, outside, ratios = [], [], []
    for _ in range(runs):
        with ForwardPass() as forward:
            total_s = timed(lambda: plan_again(path))
        totals.append(length_s / total_s)
        outside.append(100.0 * (1.0 - forward.spent_s / total_s))
        ratios.append(total_s / timed(lambda: read_bare(path)))
    return [
        Figure.of(f"eval_bag, {name}: simulated by wall time", "times", totals),
        Figure.of(f"eval_bag, {name}: outside forward pass", "%", outside),
        Figure.of(f"eval_bag, {name}: time / bare rosbags", "times", ratios),
    ]


def own_peak_mib() -> float:
    """Peak memory of this process. Not ``ru_maxrss``: that survives exec, so a child would tell its parent's peak."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024.0


def peak_mib(work: str, path: Path | None = None) -> float:
    """Peak memory of a process that does one of ``PEAK_WORK`` with a bag."""
    command = [sys.executable, "-m", "benchmarks.bags", "--peak", work, "--bag", str(path or "")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=ROOT, check=True)
    return float(run.stdout.split()[-1])


def load(_: Path) -> None:
    """Load the checkpoint."""
    WaypointPolicyTorch(WaypointPolicyConfig(str(in_process.SHIPPED)))


PEAK_WORK: dict[str, Callable[[Path], None]] = {"load": load, "evaluate": plan_again, "judge": judge_again}


def memory_figures(name: str, work: str, short: Path, long: Path, runs: int) -> list[Figure]:
    """Measure peaks on both bags and how they differ."""
    one, ten = ([peak_mib(work, path) for _ in range(runs)] for path in (short, long))
    return [
        Figure.of(f"peak memory: {name}, one drive", "MiB", one),
        Figure.of(f"peak memory: {name}, ten drives", "MiB", ten),
        Figure.of(f"peak memory: {name}, ten / one", "times", [b / a for a, b in zip(one, ten, strict=True)]),
    ]


def measure(path: Path, folder: Path, runs: int) -> list[Figure]:
    """Measure everything on one drive."""
    with Bag(path) as bag:
        length_s = seconds_of(bag, detect(bag.topics, LayoutOptions()))
    long = repeat(path, folder / "long", TIMES)
    many = repeat_judged(path, folder / "many", TIMES)
    judged = [length_s / timed(lambda: judge_again(path)) for _ in range(runs)]
    return [
        Figure.of("length of the drive", "s", [length_s]),
        Figure.of("recompute_metrics: simulated by wall time", "times", judged),
        *evaluation_figures("one drive", path, runs),
        *evaluation_figures("ten drives", long, runs),
        Figure.of("peak memory: checkpoint loaded", "MiB", [peak_mib("load") for _ in range(runs)]),
        *memory_figures("eval_bag", "evaluate", path, long, runs),
        *memory_figures("recompute_metrics", "judge", path, many, runs),
    ]


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bags", description="Speed and memory of reading bags")
    parser.add_argument("--bag", type=Path, help="bag of one judged drive (default: one is recorded)")
    parser.add_argument("--runs", type=int, default=3, help="runs per figure (default: %(default)s)")
    parser.add_argument("--peak", choices=PEAK_WORK, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.peak is not None:
        PEAK_WORK[options.peak](options.bag)
        print(own_peak_mib())
        return []
    with tempfile.TemporaryDirectory(prefix="waypilot_bench_") as folder:
        path = options.bag or record(Path(folder) / "run")
        figures = measure(path, Path(folder), options.runs)
    print(f"bag of {in_process.SCENARIO if options.bag is None else path.name}, one 320x180 camera, raw images")
    return show(figures)


if __name__ == "__main__":
    main()
