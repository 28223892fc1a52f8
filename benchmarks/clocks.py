"""Clocks on chosen methods: what a benchmark's parts take of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

Watched = tuple[str, type, str]
"""A part's name, and a class with the method whose time counts towards it."""


class Clock:
    """Adds up the processor time of methods, in the threads that run them, by part; it stays on them for good."""

    def __init__(self, watched: Iterable[Watched]) -> None:
        self.spent_s: dict[str, float] = {}
        for part, owner, method in watched:
            self.spent_s[part] = 0.0
            setattr(owner, method, self._timed(part, getattr(owner, method)))

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            begin_s = time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                self.spent_s[part] += time.thread_time() - begin_s

        return timed
