from setuptools import setup

PACKAGE = "waypilot_ros"
NODES = ("carla_bridge", "policy", "controller", "metrics", "evaluator")

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=[PACKAGE],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    zip_safe=True,
    maintainer="Waypilot maintainers",
    maintainer_email="maintainers@waypilot.invalid",
    description="Thin rclpy nodes around the Waypilot libraries",
    license="Apache-2.0",
    entry_points={"console_scripts": [f"{name}_node = {PACKAGE}.{name}_node:main" for name in NODES]},
)
