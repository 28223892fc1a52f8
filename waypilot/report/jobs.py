"""The runs of an evaluation: every scenario with its seeds, as often as asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from waypilot.metrics.result import run_key, run_title
from waypilot.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Job:
    """One run that is planned: a scenario with a seed, the ``repeat``-th time.

    The seed fixes all that is random. Repeats share it: they differ only where the simulator does not repeat itself
    (CARLA, real time), and show by how much.
    """

    scenario: Scenario
    seed: int
    repeat: int = 0

    @property
    def key(self) -> str:
        """The name of this run's files."""
        return run_key(self.scenario.name, self.seed, self.repeat)

    @property
    def title(self) -> str:
        """The run in words."""
        return run_title(self.scenario.name, self.seed, self.repeat)


def plan_jobs(
    scenarios: Sequence[Scenario], seeds: Sequence[int] | None = None, repeats: int | None = None
) -> tuple[Job, ...]:
    """List every run: repeat after repeat, in each seed after seed, in each all scenarios in order.

    ``seeds`` and ``repeats`` replace those of the scenarios. Raises ValueError when they make no runs.
    """
    if seeds is not None and len(set(seeds)) != len(seeds):
        raise ValueError(
            f"a seed stands twice in {', '.join(map(str, seeds))}: equal seeds give equal runs; name it once and use "
            "repeats"
        )
    if repeats is not None and repeats < 1:
        raise ValueError(f"repeats is {repeats}, give 1 or more")
    ranked = [
        (repeat, rank, Job(scenario, seed, repeat))
        for scenario in scenarios
        for rank, seed in enumerate(scenario.seeds if seeds is None else seeds)
        for repeat in range(scenario.repeats if repeats is None else repeats)
    ]
    if not ranked:
        raise ValueError("there is nothing to drive: give at least one scenario and one seed")
    return tuple(job for _, _, job in sorted(ranked, key=lambda item: item[:2]))
