"""``metadata.yaml``, version 9 as ROS 2 Jazzy writes it: which files make up a bag, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from waypilot.bags.topic import BagError, BagTopic, read_yaml
from waypilot.files import write_text_atomic

METADATA_FILE = "metadata.yaml"
VERSION = 9
ROS_DISTRO = "jazzy"
_KEY = "rosbag2_bagfile_information"


@dataclass(slots=True)
class FileStats:
    """What is in one file of a bag: times of the first and last message, and messages by topic."""

    name: str
    counts: dict[str, int]
    start_ns: int | None = None
    end_ns: int | None = None

    def add(self, topic: str, time_ns: int) -> None:
        """Count a message."""
        self.counts[topic] = self.counts.get(topic, 0) + 1
        self.start_ns = time_ns if self.start_ns is None else min(self.start_ns, time_ns)
        self.end_ns = time_ns if self.end_ns is None else max(self.end_ns, time_ns)


def describe(storage: str, topics: Mapping[str, BagTopic], files: Sequence[FileStats]) -> dict[str, Any]:
    """Make the content of ``metadata.yaml`` without its outermost key."""
    totals = {name: sum(file.counts.get(name, 0) for file in files) for name in topics}
    starts = [file.start_ns for file in files if file.start_ns is not None]
    ends = [file.end_ns for file in files if file.end_ns is not None]
    return {
        "version": VERSION,
        "storage_identifier": storage,
        **_span(min(starts, default=None), max(ends, default=None)),
        "message_count": sum(totals.values()),
        "topics_with_message_count": [
            {"topic_metadata": _topic(topic), "message_count": totals[topic.name]} for topic in topics.values()
        ],
        "compression_format": "",
        "compression_mode": "",
        "relative_file_paths": [file.name for file in files],
        "files": [
            {"path": file.name, **_span(file.start_ns, file.end_ns), "message_count": sum(file.counts.values())}
            for file in files
        ],
        "custom_data": None,
        "ros_distro": ROS_DISTRO,
    }


def to_yaml(description: Mapping[str, Any]) -> str:
    """Write a description as the storage files hold it."""
    return yaml.safe_dump(dict(description), sort_keys=False)


def write(folder: Path, description: Mapping[str, Any]) -> None:
    """Write ``metadata.yaml`` atomically: a bag with it is complete."""
    write_text_atomic(folder / METADATA_FILE, yaml.safe_dump({_KEY: dict(description)}, sort_keys=False))


def read(folder: Path) -> dict[str, Any]:
    """Read ``metadata.yaml``. Raises BagError when it is missing or says nothing usable."""
    path = folder / METADATA_FILE
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BagError(f"{path} is missing: the recording was not completed") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as error:
        raise BagError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    description = content.get(_KEY) if isinstance(content, dict) else None
    if not isinstance(description, dict):
        raise BagError(f"{path} has no {_KEY}")
    return description


def _span(start_ns: int | None, end_ns: int | None) -> dict[str, Any]:
    start = 0 if start_ns is None else start_ns
    return {
        "duration": {"nanoseconds": 0 if end_ns is None else end_ns - start},
        "starting_time": {"nanoseconds_since_epoch": start},
    }


def _topic(topic: BagTopic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "type": topic.type,
        "serialization_format": "cdr",
        "offered_qos_profiles": [profile.to_dict() for profile in topic.qos],
        "type_description_hash": topic.type_hash,
    }
