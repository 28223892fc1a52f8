"""Let the Traffic Manager drive some cars, and follow one of them with a camera that is moved by hand."""

import queue

import carla
from common import arguments, connect, synchronous


def behind(vehicle: carla.Actor) -> carla.Transform:
    """Return a place behind and above a vehicle, looking at it."""
    place = vehicle.get_transform()
    return carla.Transform(
        place.transform(carla.Location(x=-7.0, z=3.5)), carla.Rotation(pitch=-15.0, yaw=place.rotation.yaw)
    )


def main() -> None:
    """Drive with the Traffic Manager and keep the last picture."""
    parser = arguments(__doc__, 200)
    parser.add_argument("--vehicles", type=int, default=8)
    parser.add_argument("--tm-port", type=int, default=8000)
    options = parser.parse_args()
    client = connect(options)
    world = client.get_world()
    manager = client.get_trafficmanager(options.tm_port)
    manager.set_random_device_seed(1)
    library = world.get_blueprint_library()
    cars = [blueprint for blueprint in library.filter("vehicle.*") if blueprint.get_attribute("base_type") == "car"]
    places = world.get_map().get_spawn_points()[: options.vehicles]
    with synchronous(world):
        manager.set_synchronous_mode(True)
        spawned = (world.try_spawn_actor(cars[i % len(cars)], place) for i, place in enumerate(places))
        vehicles = [vehicle for vehicle in spawned if vehicle is not None]
        world.tick()
        starts = [vehicle.get_location() for vehicle in vehicles]
        for vehicle in vehicles:
            vehicle.set_autopilot(True, options.tm_port)
        camera = world.spawn_actor(library.find("sensor.camera.rgb"), behind(vehicles[0]))
        images: queue.Queue[carla.Image] = queue.Queue()
        camera.listen(images.put)
        for _ in range(options.ticks):
            camera.set_transform(behind(vehicles[0]))
            world.tick()
            image = images.get(timeout=10.0)
        moved = sum(
            vehicle.get_location().distance(start) > 5.0 for vehicle, start in zip(vehicles, starts, strict=True)
        )
        print(
            f"{moved} of {len(vehicles)} vehicles drove; last picture {image.width}x{image.height}, frame {image.frame}"
        )
        camera.destroy()
        client.apply_batch_sync([carla.command.DestroyActor(vehicle) for vehicle in vehicles], True)
        manager.set_synchronous_mode(False)


if __name__ == "__main__":
    main()
