"""Mount every kind of sensor on a car, drive, and write what they measured into a folder."""

import array
import csv
import queue
import struct
from pathlib import Path

import carla
from common import arguments, connect, spawn, synchronous

ROOF = carla.Transform(carla.Location(x=0.3, z=2.0))
SMALL = {"image_size_x": "320", "image_size_y": "180"}
SENSORS = {
    "sensor.camera.rgb": SMALL,
    "sensor.camera.depth": SMALL,
    "sensor.camera.normals": SMALL,
    "sensor.camera.semantic_segmentation": SMALL,
    "sensor.camera.instance_segmentation": SMALL,
    "sensor.camera.optical_flow": SMALL,
    "sensor.lidar.ray_cast": {"range": "50", "rotation_frequency": "20"},
    "sensor.lidar.ray_cast_semantic": {"range": "50", "rotation_frequency": "20"},
    "sensor.other.radar": {},
    "sensor.other.imu": {},
    "sensor.other.gnss": {},
}
EVENT_SENSORS = {
    "sensor.other.collision": {},
    "sensor.other.lane_invasion": {},
    "sensor.other.obstacle": {},
    "sensor.camera.dvs": SMALL,
}
"""These speak only when something happens; what they said is written at the end."""
CONVERTERS = {
    "sensor.camera.depth": carla.ColorConverter.LogarithmicDepth,
    "sensor.camera.semantic_segmentation": carla.ColorConverter.CityScapesPalette,
}


def mount(
    world: carla.World, vehicle: carla.Actor, type_id: str, values: dict[str, str]
) -> tuple[carla.Sensor, queue.Queue]:
    """Attach a sensor; its measurements come out of the queue."""
    blueprint = world.get_blueprint_library().find(type_id)
    for name, value in values.items():
        blueprint.set_attribute(name, value)
    sensor = world.spawn_actor(blueprint, ROOF, attach_to=vehicle)
    received: queue.Queue = queue.Queue()
    sensor.listen(received.put)
    return sensor, received


def save(folder: Path, type_id: str, data: carla.SensorData) -> None:
    """Write one measurement: pictures and point clouds as files, numbers as a row."""
    name = f"{type_id.removeprefix('sensor.')}_{data.frame:06d}"
    if isinstance(data, carla.Image):
        data.save_to_disk(str(folder / f"{name}.png"), CONVERTERS.get(type_id, carla.ColorConverter.Raw))
    elif isinstance(data, (carla.LidarMeasurement, carla.SemanticLidarMeasurement)):
        data.save_to_disk(str(folder / f"{name}.ply"))
    elif isinstance(data, carla.OpticalFlowImage):
        save_flow(folder / f"{name}.flo", data)
    elif isinstance(data, carla.DVSEventArray):
        with (folder / f"{name}.csv").open("w", newline="") as table:
            csv.writer(table).writerows((event.x, event.y, event.t, event.pol) for event in data)
    else:
        with (folder / f"{type_id}.csv").open("a", newline="") as table:
            csv.writer(table).writerow([data.frame, data.timestamp, str(data)])


def save_flow(path: Path, image: carla.OpticalFlowImage) -> None:
    """Write a Middlebury file: pixels to the right and down since the last frame, from CARLA's half sizes, y up."""
    values = array.array("f", bytes(image.raw_data))
    values[0::2] = array.array("f", (x * image.width / 2.0 for x in values[0::2]))
    values[1::2] = array.array("f", (-y * image.height / 2.0 for y in values[1::2]))
    path.write_bytes(b"PIEH" + struct.pack("<ii", image.width, image.height) + values.tobytes())


def main() -> None:
    """Record."""
    parser = arguments(__doc__, 20)
    parser.add_argument("--output", type=Path, default=Path("recording"))
    parser.add_argument("--every", type=int, default=5, help="write every n-th frame")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    world = connect(options).get_world()
    with synchronous(world):
        vehicle = spawn(world, "vehicle.tesla.model3", world.get_map().get_spawn_points()[0])
        mounted = {type_id: mount(world, vehicle, type_id, values) for type_id, values in SENSORS.items()}
        watching = {type_id: mount(world, vehicle, type_id, values) for type_id, values in EVENT_SENSORS.items()}
        vehicle.apply_control(carla.VehicleControl(throttle=0.4))
        for number in range(options.ticks):
            frame = world.tick()
            for type_id, (_, received) in mounted.items():
                data = received.get(timeout=10.0)
                assert data.frame == frame, f"{type_id} is at frame {data.frame}, the world at {frame}"
                if number % options.every == 0:
                    save(options.output, type_id, data)
        for sensor, _ in (*mounted.values(), *watching.values()):
            sensor.destroy()
        for type_id, (_, received) in watching.items():
            while not received.empty():
                save(options.output, type_id, received.get())
        vehicle.destroy()
    files = len(list(options.output.iterdir()))
    print(f"{files} files of {len(SENSORS) + len(EVENT_SENSORS)} sensors in {options.output}")


if __name__ == "__main__":
    main()
