"""A package declares what it imports: an ordinary ROS 2 installation has only what the manifests ask for."""

import ast
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "ros2_ws" / "src"
# Brought by the project's pip package, or found with rclpy wherever that is.
NOT_OF_ROS = {"waypilot", "waypilot_carla", "training", "cv2", "numpy", "rich", "waypilot_ros"}
WITH_RCLPY = {"rcl_interfaces"}


def declared(package):
    root = ElementTree.parse(SOURCES / package / "package.xml").getroot()
    return {entry.text for entry in root if entry.tag.endswith("depend")}


def test_the_nodes_declare_what_they_import():
    imported = set()
    for path in (SOURCES / "waypilot_ros" / "waypilot_ros").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
    of_ros = imported - set(sys.stdlib_module_names) - NOT_OF_ROS - WITH_RCLPY
    assert of_ros == declared("waypilot_ros")


@pytest.mark.parametrize("package", ["carla_msgs", "waypilot_msgs"])
def test_interface_packages_declare_the_packages_of_their_field_types(package):
    used = set()
    for path in [*(SOURCES / package).glob("msg/*.msg"), *(SOURCES / package).glob("srv/*.srv")]:
        for line in path.read_text().splitlines():
            kind = line.split("#")[0].split(" ")[0]
            if "/" in kind:
                used.add(kind.split("/")[0])
    used.discard(package)
    assert used <= declared(package)
    assert used
