from dataclasses import replace

import pytest

from carla_lite.engine import Catalog, Vehicle, VehicleControl, World
from carla_lite.maps import load_town
from carla_lite.scene import Box, Shape, StaticScene
from waypilot.geometry import Pose

STEP_S = 0.05


class ProvingGround:
    """An endless plain, and short ways to put things on it."""

    step_s = STEP_S

    def __init__(self) -> None:
        self._catalog = Catalog.default()
        self._town = load_town("Lite01")

    def world(self, *boxes: Box) -> World:
        return World(replace(self._town, scene=StaticScene((-1.0, -1.0, 1.0, 1.0), (), boxes)), self._catalog)

    @staticmethod
    def wall(x: float, y: float, half_x: float, half_y: float, yaw: float = 0.0, shape: Shape = Shape.BUILDING) -> Box:
        return Box(shape, (x, y, 2.0), (half_x, half_y, 2.0), yaw, (128, 128, 128))

    @staticmethod
    def car(
        world: World,
        x: float = 0.0,
        y: float = 0.0,
        yaw: float = 0.0,
        speed: float = 0.0,
        type_id: str = "vehicle.tesla.model3",
    ) -> Vehicle:
        vehicle = world.spawn(type_id, {}, Pose.from_xyz_rpy(x, y, 0.3, yaw_rad=yaw))
        assert isinstance(vehicle, Vehicle)
        vehicle.set_velocity(vehicle.pose.orientation.rotate((speed, 0.0, 0.0)))
        return vehicle

    @staticmethod
    def run(world: World, seconds: float, vehicle: Vehicle | None = None, **control: float | bool) -> None:
        if vehicle is not None:
            vehicle.apply_control(VehicleControl(**control))
        for _ in range(round(seconds / STEP_S)):
            world.step(STEP_S)


@pytest.fixture(scope="session")
def ground() -> ProvingGround:
    return ProvingGround()
