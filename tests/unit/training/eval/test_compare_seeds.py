"""The comparison of one policy with several training seeds of another: known answers, pooling, refusals."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.unit.training.eval.test_compare import INFO, SCENARIOS, evaluation
from training.eval.compare_seeds import EXIT_UNUSABLE, main

OTHER = dataclasses.replace(INFO, suite="other")


def files(folder, gains, info=INFO, **options):
    """Results of a base at 50 and of one seed for each gain, which grows by the scenario's number."""
    base = evaluation(folder / "base", lambda *_: 50.0, info, **options)
    seeds = [
        evaluation(folder / f"seed{n}", lambda scenario, _, g=gain: 50.0 + g + scenario, info, **options)
        for n, gain in enumerate(gains)
    ]
    return base, seeds


def score(path, suite):
    """The comparison of the driving score in a suite."""
    found = json.loads(path.read_text())["comparisons"]
    return next(each for each in found if each["suite"] == suite and each["name"] == "driving_score_2_1")


def test_seeds_are_averaged_run_by_run_and_shown_apart(tmp_path, capsys):
    base, seeds = files(tmp_path, [0.0, 6.0])
    output = tmp_path / "found.json"
    assert main(["--base", base, "--seeds", *seeds, "--output", str(output)]) == 0
    entry = score(output, "tiny")
    assert (entry["mean_a"], entry["mean_b"], entry["difference"]) == (50.0, 54.0, 4.0)
    assert entry["seed_means"] == [51.0, 57.0]
    assert (entry["pairs"], entry["scenarios"]) == (12, 3)  # those of one seed: seeds are no further drives
    assert 3.0 <= entry["low"] <= 4.0 <= entry["high"] <= 5.0
    assert entry["verdict"] == "B better"
    assert "driving_score_2_1" in capsys.readouterr().out


def test_scenarios_of_all_suites_count_alike(tmp_path):
    one_base, one = files(tmp_path / "one", [0.0])
    two_base, two = files(tmp_path / "two", [10.0], OTHER, scenarios=SCENARIOS[:1])
    output = tmp_path / "found.json"
    assert main(["--base", one_base, two_base, "--seeds", *one, *two, "--output", str(output)]) == 0
    entry = score(output, "all suites")
    assert entry["scenarios"] == 4
    assert entry["difference"] == pytest.approx((0.0 + 1.0 + 2.0 + 10.0) / 4)


def test_a_run_that_one_seed_lacks_is_left_out_for_all_and_told(tmp_path, capsys):
    base = evaluation(tmp_path / "base", lambda *_: 50.0)
    seeds = [
        evaluation(tmp_path / "s0", lambda *_: 52.0),
        evaluation(tmp_path / "s1", lambda *_: 56.0, crash=("first_seed0",)),
    ]
    output = tmp_path / "found.json"
    assert main(["--base", base, "--seeds", *seeds, "--output", str(output)]) == 0
    assert (score(output, "tiny")["pairs"], score(output, "tiny")["difference"]) == (11, 4.0)
    told = "tiny, first_seed0: its seed 2 crashed, the run is left out for all"
    assert told in json.loads(output.read_text())["warnings"]
    assert f"note: {told}" in " ".join(capsys.readouterr().out.split())


def test_drives_that_are_equal_count_once(tmp_path):
    base, seeds = files(tmp_path, [1.0, 2.0], equal_drives=True)
    output = tmp_path / "found.json"
    assert main(["--base", base, "--seeds", *seeds, "--output", str(output)]) == 0
    entry = score(output, "tiny")
    assert (entry["pairs"], entry["scenarios"], entry["difference"]) == (3, 3, 2.5)
    assert entry["verdict"] == "cannot tell"  # fewer than six pairs


def test_a_seed_is_the_same_policy_in_every_suite(tmp_path, capsys):
    infos = [dataclasses.replace(INFO, config={"delta_checkpoint": {"sha256": name}}) for name in "ab"]
    base, other_base = (evaluation(tmp_path / info.suite, lambda *_: 50.0, info) for info in (INFO, OTHER))
    tiny, other = (
        [
            evaluation(tmp_path / suite / str(n), lambda *_, n=n: 52.0 + n, dataclasses.replace(info, suite=suite))
            for n, info in enumerate(infos)
        ]
        for suite in ("tiny", "other")
    )
    assert main(["--base", base, other_base, "--seeds", *tiny, *other]) == 0
    assert main(["--base", base, other_base, "--seeds", *tiny, *reversed(other)]) == EXIT_UNUSABLE
    assert "in another order" in capsys.readouterr().err


def test_what_does_not_belong_together_is_refused(tmp_path, capsys):
    base, seeds = files(tmp_path / "tiny", [1.0, 2.0])
    other_base, other = files(tmp_path / "other", [1.0], OTHER)
    for arguments, words in (
        (["--base", base, "--seeds", *other], "every suite needs its base"),
        (["--base", base, base, "--seeds", *seeds], "give one for each suite"),
        (["--base", base, other_base, "--seeds", *seeds, *other], "tiny by 2, other by 1"),
        (["--base", str(tmp_path / "gone.json"), "--seeds", *seeds], "gone.json"),
    ):
        assert main(arguments) == EXIT_UNUSABLE
        assert words in capsys.readouterr().err
