from pathlib import Path

from setuptools import setup

PACKAGE = "waypilot_ros"
NODES = ("carla_bridge", "scene_setter", "policy", "controller", "metrics", "evaluator", "recorder")
# The launch files live at the top of the repository and are installed with the nodes.
LAUNCH_FILES = sorted(str(path) for path in Path("../../../launch").glob("*") if path.suffix in (".yaml", ".py"))

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=[PACKAGE],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
        (f"share/{PACKAGE}/launch", LAUNCH_FILES),
    ],
    zip_safe=True,
    maintainer="Waypilot maintainers",
    maintainer_email="maintainers@waypilot.invalid",
    description="Thin rclpy nodes around the Waypilot libraries",
    license="Apache-2.0",
    entry_points={"console_scripts": [f"{name}_node = {PACKAGE}.{name}_node:main" for name in NODES]},
)
