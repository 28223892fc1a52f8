"""What a bag says about a topic, in the terms of rosbag2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

#: libyaml's loader takes a fifth of the time; PyYAML may have been built without it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NO_LIMIT = {"sec": 9223372036, "nsec": 854775807}


class BagError(ValueError):
    """A bag cannot be read or written; the message names the file, what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Qos:
    """The profile that a publisher offers; a player offers the same. Times are unlimited."""

    depth: int = 10
    reliability: str = "reliable"
    durability: str = "volatile"
    history: str = "keep_last"

    def to_dict(self) -> dict[str, Any]:
        """Give the profile as metadata of version 9 has it."""
        return {
            "history": self.history,
            "depth": self.depth,
            "reliability": self.reliability,
            "durability": self.durability,
            "deadline": dict(_NO_LIMIT),
            "lifespan": dict(_NO_LIMIT),
            "liveliness": "automatic",
            "liveliness_lease_duration": dict(_NO_LIMIT),
            "avoid_ros_namespace_conventions": False,
        }


@dataclass(frozen=True, slots=True)
class BagTopic:
    """A topic with the definition of its type (``encoding`` ros2msg or ros2idl) and the type's hash (RIHS01).

    The last three are empty where a bag does not say. ``count`` is the number of messages, None where unknown.
    """

    name: str
    type: str
    definition: str = ""
    type_hash: str = ""
    qos: tuple[Qos, ...] = ()
    encoding: str = "ros2msg"
    count: int | None = None

    @property
    def qos_yaml(self) -> str:
        """The profiles as text, as the storage files hold them."""
        return yaml.safe_dump([profile.to_dict() for profile in self.qos], sort_keys=False).strip() if self.qos else ""


@dataclass(frozen=True, slots=True)
class BagMessage:
    """A serialized message (CDR) and the time under which it was stored."""

    topic: str
    time_ns: int
    data: bytes


def read_yaml(text: str) -> Any:
    """Read plain YAML data. Raises yaml.YAMLError."""
    return yaml.load(text, _LOADER)
