"""The same runs as tasks of a Ray cluster, for those who outgrow one machine (``requirements/ray.txt``).

A task drives one run with a carla_lite of its own on whatever machine Ray puts it; scheduling is Ray's. Checkpoints
travel with the tasks, results and pictures come back. Waypilot must be installed on every machine of the cluster.
"""

from __future__ import annotations

import math
import os
import signal
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from training.eval.run_book import RunBook
from training.eval.workplace import Identity, UnavailableError, UnusableError, WorkplaceConfig, open_workplace
from waypilot.files import write_bytes_atomic
from waypilot.metrics import ScenarioResult
from waypilot.report.jobs import Job
from waypilot.report.writer import picture_dir

#: Cores that a run takes: its server and its loop wait for each other.
CPUS_PER_RUN = 1
_WAIT_S = 5.0
#: For the first answer of the cluster: a carla_lite compiles when it is started for the first time on a machine.
_FIRST_ANSWER_S = 600.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What comes back of a run: a result with its pictures and video, or why it broke, perhaps with its simulator."""

    result: ScenarioResult | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    broke: str = ""
    lost: bool = False


def drive_on_ray(
    address: str, config: WorkplaceConfig, open_book: Callable[[Identity], RunBook], run_timeout_s: float
) -> None:
    """Drive all runs of the book on the cluster at ``address`` (``local``: one is started on this machine).

    A run that takes longer than ``run_timeout_s`` is ended. Raises UnusableError when Ray is not installed or a
    checkpoint cannot be used, UnavailableError when the cluster cannot be reached.
    """
    ray = _import_ray()
    try:
        ray.init(None if address == "local" else address, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise UnavailableError(f"no Ray cluster at {address}: {error}") from error
    try:
        _Tasks(ray, config, run_timeout_s).drive(open_book)
    finally:
        ray.shutdown()


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UnusableError(
            f"--ray needs Ray, install it with pip install -r requirements/ray.txt ({error})"
        ) from error
    return ray


class _Tasks:
    """The tasks that are under way."""

    def __init__(self, ray: Any, config: WorkplaceConfig, run_timeout_s: float) -> None:
        self._ray = ray
        self._config = config
        files = {str(path): path.read_bytes() for path in (config.checkpoint, config.delta_checkpoint) if path}
        self._files = ray.put(files)
        # Retries are counted and recorded by the book, not hidden by Ray.
        # A process drives once: one that lost its simulator is of no more use.
        options = {"num_cpus": CPUS_PER_RUN, "max_retries": 0, "max_calls": 1}
        self._drive_one = ray.remote(**options)(drive_one)
        self._identify = ray.remote(**options)(identify)
        self._timeout_s = run_timeout_s

    def drive(self, open_book: Callable[[Identity], RunBook]) -> None:
        book = open_book(self._who_drives())
        pending: dict[Any, Job] = {}
        while pending or book.waiting:
            while book.waiting and len(pending) < self._room():
                job = book.next()
                pending[self._drive_one.remote(self._config, self._files, job, self._timeout_s)] = job
            ready, _ = self._ray.wait(list(pending), num_returns=1, timeout=_WAIT_S)
            for reference in ready:
                self._settle(book, pending.pop(reference), reference)

    def _who_drives(self) -> Identity:
        """Have some machine say who drives. Raises UnusableError and UnavailableError."""
        exceptions = self._ray.exceptions
        try:
            identity: Identity = self._ray.get(
                self._identify.remote(self._config, self._files), timeout=_FIRST_ANSWER_S
            )
        except (UnusableError, UnavailableError) as error:
            # Ray's error is of the kind that the task raised as well; the plain one has no remote traceback.
            raise getattr(error, "cause", error) from None
        except exceptions.GetTimeoutError as error:
            raise UnavailableError(
                f"the Ray cluster did not start a task within {_FIRST_ANSWER_S:g} s: has it a free core?"
            ) from error
        except exceptions.RayError as error:
            raise UnavailableError(f"the first Ray task ended: {_last_line(error)}") from error
        return identity

    def _room(self) -> int:
        """How many tasks to hand to Ray at once: a few more than run, so that none of its machines waits."""
        return 2 * max(int(self._ray.cluster_resources().get("CPU", 1)) // CPUS_PER_RUN, 1)

    def _settle(self, book: RunBook, job: Job, reference: Any) -> None:
        try:
            delivery: Delivery = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            book.lost(job, f"the Ray task ended: {_last_line(error)}")
            return
        if delivery.result is None:
            (book.lost if delivery.lost else book.crashed)(job, delivery.broke)
            return
        folder = picture_dir(self._config.output_dir, job)
        for name, data in delivery.pictures.items():
            write_bytes_atomic(folder / name, data)
        book.ended(job, delivery.result)


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def identify(config: WorkplaceConfig, files: Mapping[str, bytes]) -> Identity:
    """Say who drives on what, on whatever machine this runs."""
    with tempfile.TemporaryDirectory() as folder, open_workplace(_unpack(config, files, Path(folder))) as workplace:
        return workplace.identity


def drive_one(config: WorkplaceConfig, files: Mapping[str, bytes], job: Job, timeout_s: float) -> Delivery:
    """Drive one run; a task of Ray. When it takes too long its process ends, which Ray reports."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: tasks share a machine
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(timeout_s))
    with tempfile.TemporaryDirectory() as folder, open_workplace(_unpack(config, files, Path(folder))) as workplace:
        try:
            result = workplace.evaluator.evaluate(job)
        except Exception as error:
            return Delivery(broke=f"{type(error).__name__}: {error}", lost=workplace.session.lost)
        pictures = {path.name: path.read_bytes() for path in picture_dir(Path(folder), job).glob("*")}
        return Delivery(result, pictures)


def _unpack(config: WorkplaceConfig, files: Mapping[str, bytes], folder: Path) -> WorkplaceConfig:
    """Put the files that came along into a folder of this machine."""
    here = {}
    for number, (path, data) in enumerate(files.items()):
        here[path] = folder / f"{number}_{Path(path).name}"
        here[path].write_bytes(data)
    return replace(
        config,
        checkpoint=here[str(config.checkpoint)] if config.checkpoint else None,
        delta_checkpoint=here[str(config.delta_checkpoint)] if config.delta_checkpoint else None,
        output_dir=folder,
    )
