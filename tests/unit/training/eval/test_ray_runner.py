"""What Ray may answer, with a stand-in for it: every error becomes one that the evaluation knows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from training.eval import ray_runner
from training.eval.ray_runner import drive_on_ray
from training.eval.workplace import Identity, UnavailableError, UnusableError, WorkplaceConfig
from waypilot_carla import SessionConfig


class RayError(Exception):
    pass


class GetTimeoutError(RayError):
    pass


class OurTaskError(RayError, UnusableError):
    """Ray raises what a task raised as an error of both kinds; its text is the remote traceback."""

    cause = UnusableError("model.pt is no checkpoint")


class FakeRay:
    """Runs no task: every ``get`` gives the next of the answers, or raises it."""

    exceptions = SimpleNamespace(RayError=RayError, GetTimeoutError=GetTimeoutError)

    def __init__(self, *answers):
        self._answers = list(answers)
        self.is_shut_down = False

    def init(self, *_args, **_options):
        pass

    def put(self, value):
        return value

    def remote(self, **_options):
        return lambda _function: SimpleNamespace(remote=lambda *_: object())

    def cluster_resources(self):
        return {"CPU": 1}

    def wait(self, references, num_returns, timeout):
        return references[:num_returns], references[num_returns:]

    def get(self, _reference, timeout=None):
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def shutdown(self):
        self.is_shut_down = True


@pytest.fixture
def drive(tmp_path, monkeypatch):
    config = WorkplaceConfig(SessionConfig(), own_server=True, town="Lite01", output_dir=tmp_path)

    def drive(book, *answers):
        ray = FakeRay(*answers)
        monkeypatch.setattr(ray_runner, "_import_ray", lambda: ray)
        try:
            drive_on_ray("local", config, lambda _identity: book, 60.0)
        finally:
            assert ray.is_shut_down

    return drive


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (GetTimeoutError("x"), UnavailableError, "did not start a task within 600 s: has it a free core"),
        (RayError("trace\nworker died"), UnavailableError, "the first Ray task ended: worker died"),
        (OurTaskError("Traceback ..."), UnusableError, "^model.pt is no checkpoint$"),
    ],
)
def test_a_cluster_that_does_not_answer_is_told(drive, answer, kind, message):
    with pytest.raises(kind, match=message):
        drive(None, answer)


@pytest.mark.parametrize(("error", "what"), [(RayError("a\nworker died"), "worker died"), (RayError(), "RayError")])
def test_a_task_that_dies_costs_its_run_an_attempt(drive, error, what):
    lost = []
    book = SimpleNamespace(waiting=1, lost=lambda job, reason: lost.append((job, reason)))

    def hand_out():
        book.waiting = 0
        return "the run"

    book.next = hand_out
    drive(book, Identity("expert", {}), error)
    assert lost == [("the run", f"the Ray task ended: {what}")]
