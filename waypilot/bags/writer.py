"""Writing a bag: one folder, one or several storage files, and ``metadata.yaml`` when it is complete."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from waypilot.bags import metadata
from waypilot.bags.storage import STORAGES, StorageFile
from waypilot.bags.topic import BagError, BagTopic

NANOSECONDS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SplitLimits:
    """When a bag goes on in a new file: message bytes in one file, seconds of message time; 0 for never."""

    max_bytes: int = 0
    max_duration_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_duration_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive limit or 0 for none")


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
        if self._is_full(time_ns):
            self._close_file()
            self._file = self._open()
        self._file.write(topic, time_ns, data)
        self._files[-1].add(topic, time_ns)
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

    def _is_full(self, time_ns: int) -> bool:
        limits, file = self._limits, self._files[-1]
        if file.start_ns is None:
            return False
        too_long = time_ns - file.start_ns >= limits.max_duration_s * NANOSECONDS_PER_SECOND
        return bool(limits.max_bytes and self._bytes >= limits.max_bytes) or bool(limits.max_duration_s and too_long)

    def _open(self) -> StorageFile:
        suffix, kind = STORAGES[self._storage]
        name = f"{self.folder.name}_{len(self._files)}{suffix}"
        try:
            file = kind(self.folder / name)
        except OSError as error:
            raise BagError(f"{self.folder / name} cannot be written: {error}") from error
        self._files.append(metadata.FileStats(name, {}))
        self._bytes = 0
        for topic in self.topics.values():
            file.add_topic(topic)
        return file

    def _close_file(self) -> None:
        self._file.close(metadata.to_yaml(metadata.describe(self._storage, self.topics, self._files[-1:])))
