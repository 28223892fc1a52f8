"""Writing a bag: one folder, one or several storage files, and ``metadata.yaml`` when it is complete."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from waypilot.bags import metadata
from waypilot.bags.storage import STORAGES, StorageFile
from waypilot.bags.topic import BagError, BagTopic
from waypilot.types import NANOSECONDS_PER_SECOND


@dataclass(frozen=True, slots=True)
class SplitLimits:
    """When a bag goes on in a new file: message bytes in one file, seconds of message time; 0 for never.

    Time is that of the topic which goes on farthest within the file: topics may be stored seconds apart, and time may
    fall back. A topic whose messages are farther apart than the whole limit counts only where nothing else goes on.
    """

    max_bytes: int = 0
    max_duration_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_duration_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive limit or 0 for none")


class _Elapsed:
    """How long each topic went on within a file."""

    def __init__(self, limit_ns: int) -> None:
        self._limit_ns = limit_ns
        self._last_ns: dict[str, int] = {}
        self._newest_ns: int | None = None
        self._elapsed_ns: dict[str, int] = {}

    def begin_file(self) -> None:
        self._last_ns.clear()
        self._elapsed_ns.clear()

    def is_over(self, topic: str, time_ns: int) -> bool:
        """Whether a message belongs to the next file."""
        is_ahead = self._newest_ns is not None and time_ns - self._newest_ns >= self._limit_ns
        return is_ahead or self._with(topic, time_ns) >= self._limit_ns

    def add(self, topic: str, time_ns: int) -> None:
        """Take note of the file's next message."""
        self._elapsed_ns[topic] = self._with(topic, time_ns)
        self._last_ns[topic] = time_ns
        self._newest_ns = time_ns if self._newest_ns is None else max(time_ns, self._newest_ns)

    def _with(self, topic: str, time_ns: int) -> int:
        step_ns = time_ns - self._last_ns.get(topic, time_ns)
        if step_ns < 0:
            return 0
        return self._elapsed_ns.get(topic, 0) + (step_ns if step_ns < self._limit_ns else 0)


class BagWriter:
    """Writes serialized messages as they are. Raises BagError when the folder exists or cannot be made.

    Use as a context manager or ``close`` it: only then is ``metadata.yaml`` written. What a process that was killed
    leaves is read all the same by ``Bag``, and made complete by ``python -m waypilot.bags repair``.
    """

    def __init__(self, folder: Path, storage: str = "mcap", limits: SplitLimits | None = None) -> None:
        if storage not in STORAGES:
            raise BagError(f"storage is {storage!r}, expected one of {', '.join(STORAGES)}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError as error:
            raise BagError(f"{folder} exists already; choose another folder or remove it") from error
        except OSError as error:
            raise BagError(f"{folder} cannot be made: {error}") from error
        self.folder = folder
        self.topics: dict[str, BagTopic] = {}
        self._storage = storage
        self._limits = limits or SplitLimits()
        self._files: list[metadata.FileStats] = []
        self._bytes = 0
        self._elapsed = _Elapsed(round(self._limits.max_duration_s * NANOSECONDS_PER_SECOND))
        self._file = self._open()

    @property
    def counts(self) -> dict[str, int]:
        """Messages written so far, by topic."""
        return {name: sum(file.counts.get(name, 0) for file in self._files) for name in self.topics}

    def add_topic(self, topic: BagTopic) -> None:
        """Announce a topic; a second time is no error."""
        if topic.name not in self.topics:
            self.topics[topic.name] = topic
            self._file.add_topic(topic)

    def write(self, topic: str, time_ns: int, data: bytes) -> None:
        """Store a message of an announced topic. Raises KeyError for any other."""
        if self._is_full(topic, time_ns):
            self._close_file()
            self._file = self._open()
        self._file.write(topic, time_ns, data)
        self._files[-1].add(topic, time_ns)
        self._elapsed.add(topic, time_ns)
        self._bytes += len(data)

    def close(self) -> None:
        """Complete the bag."""
        self._close_file()
        metadata.write(self.folder, metadata.describe(self._storage, self.topics, self._files))

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_full(self, topic: str, time_ns: int) -> bool:
        too_long = bool(self._limits.max_duration_s) and self._elapsed.is_over(topic, time_ns)
        return too_long or (bool(self._limits.max_bytes) and self._bytes >= self._limits.max_bytes)

    def _open(self) -> StorageFile:
        suffix, kind = STORAGES[self._storage]
        name = f"{self.folder.name}_{len(self._files)}{suffix}"
        try:
            file = kind(self.folder / name)
        except OSError as error:
            raise BagError(f"{self.folder / name} cannot be written: {error}") from error
        self._files.append(metadata.FileStats(name, {}))
        self._bytes = 0
        self._elapsed.begin_file()
        for topic in self.topics.values():
            file.add_topic(topic)
        return file

    def _close_file(self) -> None:
        self._file.close(metadata.to_yaml(metadata.describe(self._storage, self.topics, self._files[-1:])))
