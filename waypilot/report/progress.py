"""Shows how an evaluation goes on: a bar with the time left on a terminal, a line per run anywhere."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from waypilot.metrics import ScenarioResult
from waypilot.report.jobs import Job

_STEP = 0.01  # share of a route between two updates of the bar


class ProgressDisplay:
    """An EvaluationListener that prints; use as a context. The time left is that of all workers together."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=None)
        self._ended = 0
        self._shares: dict[str, float] = {}

    def runs_planned(self, total: int, ended: int) -> None:
        """Set the length of the bar; what an earlier evaluation drove does not count for the time left."""
        self._progress.update(self._task, total=total - ended, description="")
        if ended:
            self._console.print(f"{ended} of {total} runs are recorded already, going on", highlight=False)

    def run_started(self, job: Job) -> None:
        """Name the run beside the bar."""
        self._shares[job.key] = 0.0
        self._update()

    def route_driven(self, job: Job, share: float) -> None:
        """Move the bar, not at every frame."""
        if share >= self._shares[job.key] + _STEP:
            self._shares[job.key] = min(share, 1.0)
            self._update()

    def run_broke(self, job: Job, what: str) -> None:
        """Print that the run is repeated."""
        self._shares.pop(job.key, None)
        self._print(f"{job.key}: broke and is tried again: {what}")

    def run_ended(self, result: ScenarioResult) -> None:
        """Print a line about the run."""
        self._shares.pop(result.key, None)
        self._ended += 1
        self._update()
        self._print(f"{result.key}: {result.status}{_figures(result)}")

    def _update(self) -> None:
        names = escape(", ".join(self._shares))
        self._progress.update(self._task, completed=self._ended + sum(self._shares.values()), description=names)

    def _print(self, line: str) -> None:
        self._console.print(escape(line), highlight=False, soft_wrap=True)

    def __enter__(self) -> ProgressDisplay:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def _figures(result: ScenarioResult) -> str:
    if result.crashed:
        return ""
    route, collisions = _number(result, "route_completion", 1), _number(result, "collisions", 0)
    lateral, fps = _number(result, "lateral_deviation_mean", 2), result.wall_clock.get("fps")
    return f"; route {route} %, collisions {collisions}, mean lateral deviation {lateral} m, {fps} frames/s"


def _number(result: ScenarioResult, name: str, decimals: int) -> str:
    value = result.metric(name).value
    return "unknown" if value is None else f"{value:.{decimals}f}"
