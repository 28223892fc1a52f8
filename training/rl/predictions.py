"""Predicted and true waypoints of many cases in one JSON file: what ``eval_metrics`` judges.

    {"format": "waypilot.predictions/1", "name": "sft", "dt_s": 0.25, "cases": [
        {"id": "0", "predicted_m": [[x, y], ...], "label_m": [[x, y], ...], "goal_reached": true,
         "waypoints_hit": 7, "waypoints_total": 8}, ...]}

``predicted_m`` and ``label_m`` have N waypoints each, metres, in the same frame, ``dt_s`` apart, the first after one
``dt_s``. The last three fields are those of a closed-loop drive and may be absent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.rl.evaluation import ToyEvaluation
from training.rl.toy_config import ToyEnvConfig

FORMAT = "waypilot.predictions/1"


class PredictionsError(ValueError):
    """A file holds no usable predictions; the message names the file, the case and what was expected."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """M cases: ``predicted_m`` and ``label_m`` (M, N, 2), ids, and per case the driven outcome where known.

    ``goal_reached`` (M,) bool and ``hit_rate`` (M,) are None for predictions that nobody drove.
    """

    name: str
    dt_s: float
    ids: tuple[str, ...]
    predicted_m: NDArray[np.float64]
    label_m: NDArray[np.float64]
    goal_reached: NDArray[np.bool_] | None = None
    waypoints_hit: NDArray[np.int64] | None = None
    waypoints_total: NDArray[np.int64] | None = None


def toy_predictions(name: str, result: ToyEvaluation, env: ToyEnvConfig) -> Predictions:
    """Take the driven paths of an evaluation as predictions, the drive at the speed limit as labels."""
    count = len(result.returns)
    return Predictions(
        name=name,
        dt_s=env.plan_dt_s,
        ids=tuple(str(number) for number in range(count)),
        predicted_m=result.driven_m,
        label_m=result.reference_m,
        goal_reached=result.goal_reached,
        waypoints_hit=np.rint(result.hit_rate * env.waypoints).astype(np.int64),
        waypoints_total=np.full(count, env.waypoints),
    )


class PredictionsWriter:
    """Writes cases one after the other, coordinates to the millimetre, however many there are.

    The file gets its name on ``finish``; without any case there is none. Use it as a context manager: an exception
    leaves nothing behind.
    """

    def __init__(self, path: Path, name: str, dt_s: float) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._partial = path.with_name(path.name + ".partial")
        self._file = self._partial.open("w", encoding="utf-8")
        self._head = f'{{"format":"{FORMAT}","name":{json.dumps(name)},"dt_s":{json.dumps(dt_s)},"cases":['
        self.count = 0

    def add(
        self, case_id: str, predicted_m: NDArray[np.floating], label_m: NDArray[np.floating], **outcome: bool | int
    ) -> None:
        """Write a case: (N, 2) each, and what is known of how it was driven."""
        case = {
            "id": case_id,
            "predicted_m": np.round(predicted_m, 3).tolist(),
            "label_m": np.round(label_m, 3).tolist(),
            **outcome,
        }
        text = json.dumps(case, separators=(",", ":"), allow_nan=False)
        self._file.write(f",{text}" if self.count else self._head + text)
        self.count += 1

    def finish(self) -> bool:
        """Complete the file; False when there was no case."""
        if self.count:
            self._file.write("]}\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._partial, self._path)
        else:
            self.discard()
        return self.count > 0

    def discard(self) -> None:
        """Throw the unfinished file away."""
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def __enter__(self) -> PredictionsWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()
        else:
            self.discard()


def save_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions atomically, coordinates to the millimetre."""
    with PredictionsWriter(path, predictions.name, predictions.dt_s) as writer:
        for i, case_id in enumerate(predictions.ids):
            outcome: dict[str, bool | int] = {}
            if predictions.goal_reached is not None:
                outcome["goal_reached"] = bool(predictions.goal_reached[i])
            if predictions.waypoints_hit is not None and predictions.waypoints_total is not None:
                outcome["waypoints_hit"] = int(predictions.waypoints_hit[i])
                outcome["waypoints_total"] = int(predictions.waypoints_total[i])
            writer.add(case_id, predictions.predicted_m[i], predictions.label_m[i], **outcome)


def load_predictions(path: Path) -> Predictions:
    """Read predictions. Raises PredictionsError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PredictionsError(
            f"{path}: no such file; training.rl.train_ppo_waypoint_delta and its kin leave it in their --out-dir"
        ) from error
    except OSError as error:
        raise PredictionsError(f"{path}: cannot be read: {error}") from error
    except ValueError as error:
        raise PredictionsError(f"{path}: is no valid JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise PredictionsError(f'{path}: expected an object with "format": "{FORMAT}"')
    dt_s, cases = data.get("dt_s"), data.get("cases")
    if isinstance(dt_s, bool) or not isinstance(dt_s, (int, float)) or not dt_s > 0.0:
        raise PredictionsError(f"{path}: dt_s is {dt_s!r}, expected the seconds between waypoints")
    if not isinstance(cases, list) or not cases:
        raise PredictionsError(f"{path}: cases is empty or no list, expected at least one case")
    try:
        return _parse(str(data.get("name", path.stem)), float(dt_s), cases)
    except PredictionsError as error:
        raise PredictionsError(f"{path}: {error}") from error


def _parse(name: str, dt_s: float, cases: list[Any]) -> Predictions:
    for i, case in enumerate(cases):
        if not isinstance(case, dict) or not isinstance(case.get("id"), str):
            raise PredictionsError(f"case {i}: expected an object with a text as id")
    ids = tuple(case["id"] for case in cases)
    if len(set(ids)) != len(ids):
        raise PredictionsError("two cases have the same id")
    predicted = [_waypoints(case, "predicted_m") for case in cases]
    labels = [_waypoints(case, "label_m") for case in cases]
    for case, a, b in zip(cases, predicted, labels, strict=True):
        if a.shape != b.shape or a.shape != predicted[0].shape:
            raise PredictionsError(
                f"case {case['id']}: {len(a)} predicted waypoints and {len(b)} labels, expected {len(predicted[0])}"
            )
    return Predictions(
        name,
        dt_s,
        ids,
        np.stack(predicted),
        np.stack(labels),
        _column(cases, "goal_reached", bool),
        _column(cases, "waypoints_hit", int),
        _column(cases, "waypoints_total", int),
    )


def _waypoints(case: Mapping[str, Any], key: str) -> NDArray[np.float64]:
    try:
        points = np.array(case.get(key), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PredictionsError(f"case {case['id']}: {key} is not a list of [x, y]") from error
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
        raise PredictionsError(f"case {case['id']}: {key} has shape {points.shape}, expected finite [x, y] pairs")
    return points


def _column(cases: list[Any], key: str, kind: type[int]) -> NDArray[Any] | None:
    """Values of an optional field; None unless every case has it."""
    present = [key in case for case in cases]
    if not any(present):
        return None
    for case in cases:
        value = case.get(key)
        if type(value) is not kind or (kind is int and value < 0):
            raise PredictionsError(f"case {case['id']}: {key} is {value!r}, expected {kind.__name__} in every case")
    return np.array([case[key] for case in cases])
