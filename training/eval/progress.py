"""Shows how an evaluation goes on: a bar with the time left on a terminal, a line per run anywhere."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.eval.evaluator import ClosedLoopMetrics, ScenarioConfig
from waypilot.metrics import Metric, ScenarioResult

_STEP = 0.01  # share of a route between two updates of the bar


class ProgressDisplay:
    """An EvaluationListener that prints; use as a context."""

    def __init__(self, runs: int, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=runs)
        self._ended = 0
        self._shown = 0.0

    def run_started(self, job: ScenarioConfig) -> None:
        """Name the run beside the bar."""
        self._shown = 0.0
        self._progress.update(self._task, description=escape(job.key))

    def route_driven(self, share: float) -> None:
        """Move the bar, not at every frame."""
        if share >= self._shown + _STEP:
            self._shown = share
            self._progress.update(self._task, completed=self._ended + min(share, 1.0))

    def run_ended(self, result: ScenarioResult) -> None:
        """Print a line about the run."""
        self._ended += 1
        self._progress.update(self._task, completed=self._ended)
        self._console.print(escape(f"{result.key}: {result.status}{_figures(result)}"), highlight=False, soft_wrap=True)

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
    metrics = ClosedLoopMetrics.of(result)
    fps = result.wall_clock.get("fps")
    return (
        f"; route {_number(metrics.route_completion, 1)} %, collisions {_number(metrics.collisions, 0)}, "
        f"mean lateral deviation {_number(metrics.lateral_deviation_mean, 2)} m, {fps} frames/s"
    )


def _number(metric: Metric, decimals: int) -> str:
    return "unknown" if metric.value is None else f"{metric.value:.{decimals}f}"
