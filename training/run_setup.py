"""What every training run sets up alike: random numbers, learning rate, log and progress bar."""

from __future__ import annotations

import logging
import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_LOG_LINES = 50


def make_deterministic(seed: int, num_threads: int, device: str) -> None:
    """Seed torch and allow only deterministic operations; ``num_threads`` 0 leaves torch's choice."""
    torch.manual_seed(seed)
    if num_threads:
        torch.set_num_threads(num_threads)
    # On a GPU some backward passes have no deterministic form; there torch only warns.
    torch.use_deterministic_algorithms(True, warn_only=device != "cpu")


def learning_rate_factor(step: int, num_steps: int, warmup_steps: int) -> float:
    """Linear warm-up, then half a cosine down to 1 %; short runs warm up over a tenth of their steps."""
    warmup = min(warmup_steps, max(1, num_steps // 10))
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, num_steps - warmup)
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))


@contextmanager
def logging_to(folder: Path) -> Iterator[None]:
    """Log to ``train.log`` in a folder and to the terminal while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    handlers: list[logging.Handler] = [
        logging.FileHandler(folder / "train.log", encoding="utf-8"),
        logging.StreamHandler(),
    ]
    level = root.level
    root.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


@contextmanager
def first_interrupt() -> Iterator[Callable[[], bool]]:
    """While the block runs, the first Ctrl-C only makes the yielded function say True; a second one interrupts.

    Outside the main thread, and where interrupts are ignored, nothing changes.
    """
    asked = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before == signal.SIG_IGN:
        yield asked.is_set
        return

    def note(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress_bar(done: int, total: int) -> Iterator[Callable[[int, int, float], None]]:
    """Show steps, loss and remaining time; yields what a trainer calls with (step, number of steps, loss)."""
    columns = (
        TextColumn("loss {task.fields[loss]:.4f}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("train", total=total, completed=done, loss=float("nan"))

        def show(step: int, num_steps: int, loss: float) -> None:
            progress.update(task, completed=step, loss=loss)
            if step % max(1, num_steps // _LOG_LINES) == 0:
                logging.info("step %d of %d: loss %.4f", step, num_steps, loss)

        yield show
