"""Two clients in one world: one ticks and drives, the other only watches, in a thread of its own."""

import threading

import carla
from common import arguments, connect, spawn, synchronous


def watch(client: carla.Client, vehicle_id: int, frames: int, seen: list[tuple[int, float]]) -> None:
    """Note frame and speed of a vehicle that another client drives."""
    world = client.get_world()
    while len(seen) < frames:
        snapshot = world.wait_for_tick(10.0)
        state = snapshot.find(vehicle_id)
        if state is not None:
            seen.append((snapshot.frame, state.get_velocity().length()))


def main() -> None:
    """Drive with one client until the other has seen enough."""
    options = arguments(__doc__, 50).parse_args()
    driver, watcher = connect(options), connect(options)
    world = driver.get_world()
    with synchronous(world):
        vehicle = spawn(world, "vehicle.audi.tt", world.get_map().get_spawn_points()[0])
        world.tick()
        vehicle.apply_control(carla.VehicleControl(throttle=0.5))
        seen: list[tuple[int, float]] = []
        thread = threading.Thread(target=watch, args=(watcher, vehicle.id, options.ticks, seen))
        thread.start()
        while thread.is_alive():
            world.tick()
        vehicle.destroy()
    frames = [frame for frame, _ in seen]
    assert frames == sorted(set(frames)), "frames come once and in order"
    print(f"the watcher saw {len(seen)} frames; the car got from {seen[0][1]:.1f} to {seen[-1][1]:.1f} m/s")


if __name__ == "__main__":
    main()
