"""What pre-training brings: training on shares of the labels from scratch and from a pre-trained encoder.

    python -m training.pretrain.compare --episodes-glob "out/episodes/expert/**/*.json" --seeds 0 1 2 3

Writes the table to --report and a figure beside it. Every finished cell (start, share, seed) is kept in --out-dir and
not repeated, so an interrupted comparison continues; processes with different --seeds may share the work, and a last
call with all seeds writes the report.
"""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from training.models.checkpoint import CheckpointError
from training.pretrain.cells import STARTS, Cell, CellRunner, CompareConfig, same_data
from training.pretrain.compare_report import Grid, plot, report
from waypilot.episodes import EpisodeError
from waypilot.files import write_bytes_atomic, write_text_atomic

_DEFAULTS = CompareConfig()
_OPTIONS: dict[str, str] = {
    "episodes_glob": "pattern of the episode files",
    "pretrain_steps": "steps of pre-training",
    "sft_steps": "steps of behaviour cloning, alike for all cells",
    "batch_size": "samples (pairs of images in pre-training) per step",
    "val_fraction": "share of the routes held out to judge on; no training sees them",
    "num_threads": "torch threads",
}


def parse_arguments(argv: Sequence[str] | None) -> tuple[CompareConfig, argparse.Namespace]:
    """Read the command line: what to compare, and the rest."""
    parser = argparse.ArgumentParser(
        prog="python -m training.pretrain.compare",
        description="Measure what a pre-trained encoder brings.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for name, text in _OPTIONS.items():
        default = getattr(_DEFAULTS, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=text)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds of all trainings")
    parser.add_argument("--label-fractions", type=float, nargs="+", default=[0.1, 1.0], help="shares of the labels")
    parser.add_argument("--out-dir", type=Path, default=Path("out/pretrain_compare"), help="where the cells go")
    parser.add_argument("--report", type=Path, default=Path("docs/results/pretraining.md"), help="the page to write")
    parser.add_argument("--no-report", action="store_true", help="train the cells only")
    options = parser.parse_args(argv)
    if not all(0.0 < fraction <= 1.0 for fraction in options.label_fractions):
        parser.error(f"--label-fractions are {options.label_fractions}, expected above 0 to 1")
    try:
        return CompareConfig(**{name: getattr(options, name) for name in _OPTIONS}), options
    except ValueError as error:
        parser.error(str(error))


def main(argv: Sequence[str] | None = None) -> int:
    """Compare; returns 0, or 1 with a message when something cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("training.sft").setLevel(logging.WARNING)
    config, options = parse_arguments(argv)
    runner = CellRunner(config, options.out_dir)
    cells = [
        Cell(start, fraction, seed)
        for seed in options.seeds
        for fraction in options.label_fractions
        for start in STARTS
    ]
    try:
        results = {cell: runner.result(cell) for cell in cells}
        same_data(results)
    except (CheckpointError, EpisodeError) as error:
        logging.error("%s", error)
        return 1
    if options.no_report:
        return 0
    command = "python -m training.pretrain.compare " + shlex.join(sys.argv[1:] if argv is None else argv)
    figure = options.report.with_suffix(".svg")
    grid = Grid(config, tuple(options.seeds), tuple(options.label_fractions), results)
    write_bytes_atomic(figure, plot(grid))
    write_text_atomic(options.report, report(grid, command, figure.name))
    logging.info("wrote %s and %s", options.report, figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
