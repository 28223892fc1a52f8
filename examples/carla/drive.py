"""Drive along the lane with a few lines of control: look ahead on the map, steer there, hold a speed, stop."""

import math

import carla
from common import STEP_S, arguments, connect, spawn, synchronous

LOOK_AHEAD_M = 6.0
SPEED_MPS = 8.0


def control(vehicle: carla.Vehicle, town: carla.Map) -> carla.VehicleControl:
    """Steer toward the lane a few metres ahead and hold the speed."""
    place = vehicle.get_transform()
    ahead = town.get_waypoint(place.location).next(LOOK_AHEAD_M)[0].transform.location
    to_goal = ahead - place.location
    right = place.get_right_vector()
    aside_m = to_goal.x * right.x + to_goal.y * right.y
    wheel_rad = math.atan2(2.0 * 2.875 * aside_m, LOOK_AHEAD_M**2)
    missing_mps = SPEED_MPS - vehicle.get_velocity().length()
    return carla.VehicleControl(
        throttle=min(1.0, max(0.0, 0.4 * missing_mps)),
        brake=min(1.0, max(0.0, -0.4 * missing_mps)),
        steer=max(-1.0, min(1.0, wheel_rad / math.radians(70.0))),
    )


def main() -> None:
    """Drive, then brake to a stop."""
    options = arguments(__doc__, 300).parse_args()
    world = connect(options).get_world()
    town = world.get_map()
    with synchronous(world):
        vehicle = spawn(world, "vehicle.tesla.model3", town.get_spawn_points()[0])
        world.tick()
        start, farthest_m = vehicle.get_location(), 0.0
        for _ in range(options.ticks):
            vehicle.apply_control(control(vehicle, town))
            world.tick()
            lane = town.get_waypoint(vehicle.get_location())
            farthest_m = max(farthest_m, vehicle.get_location().distance(lane.transform.location))
        driven_m = vehicle.get_location().distance(start)
        vehicle.apply_control(carla.VehicleControl(brake=1.0))
        for _ in range(round(3.0 / STEP_S)):
            world.tick()
        speed_mps = vehicle.get_velocity().length()
        print(
            f"drove {driven_m:.1f} m, {farthest_m:.2f} m from the lane's middle at most, stopped at {speed_mps:.2f} m/s"
        )
        vehicle.destroy()


if __name__ == "__main__":
    main()
