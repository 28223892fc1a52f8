from pathlib import Path

from setuptools import setup

PACKAGE = "waypilot_ros"
NODES = (
    "carla_bridge",
    "scene_setter",
    "policy",
    "controller",
    "metrics",
    "evaluator",
    "recorder",
    "replay",
    "route_starter",
    "markers",
)
# The launch files live at the top of the repository and are installed with the nodes.
LAUNCH = Path("../../../launch")


def launch_files(folder: str = ".") -> tuple[str, list[str]]:
    """Name the installed place of a folder of launch/ and its files."""
    files = sorted(str(path) for path in (LAUNCH / folder).iterdir() if path.suffix in (".yaml", ".py", ".rviz"))
    return str(Path("share") / PACKAGE / "launch" / folder), files


setup(
    name=PACKAGE,
    version="0.1.0",
    packages=[PACKAGE],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
        launch_files(),
        launch_files("params"),
        launch_files("rviz"),
    ],
    zip_safe=True,
    maintainer="Waypilot maintainers",
    maintainer_email="maintainers@waypilot.invalid",
    description="Thin rclpy nodes around the Waypilot libraries",
    license="Apache-2.0",
    entry_points={"console_scripts": [f"{name}_node = {PACKAGE}.{name}_node:main" for name in NODES]},
)
