"""ROS 2 bags (rosbag2, MCAP and sqlite3) written and read without ROS; docs/bags.md tells what they hold."""

from waypilot.bags.bag import Bag
from waypilot.bags.definitions import TypeLibrary, UnknownTypeError
from waypilot.bags.topic import BagError, BagMessage, BagTopic, Qos
from waypilot.bags.writer import BagWriter, SplitLimits

__all__ = [
    "Bag",
    "BagError",
    "BagMessage",
    "BagTopic",
    "BagWriter",
    "Qos",
    "SplitLimits",
    "TypeLibrary",
    "UnknownTypeError",
]
