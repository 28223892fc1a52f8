"""Draw the pictures of docs/carla_lite.md and README.md again: ``python scripts/docs_pictures.py [FOLDER]``.

FOLDER is docs/images at first. Run it when what cameras show has changed. It needs the carla wheel, and starts its own
servers.
"""

from __future__ import annotations

import math
import queue
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import carla
import cv2
import numpy as np

from carla_lite.maps import available_towns
from carla_lite.wire.process import ServerProcess
from waypilot.rig import DEFAULT_RIG
from waypilot.scenarios import WEATHER_PRESETS
from waypilot_carla import convert

_WIDTH, _HEIGHT = 480, 270
_STEP_S = 0.05
_JPEG_QUALITY = 88
_OVER_THE_ROAD = carla.Transform(carla.Location(z=8.0), carla.Rotation(pitch=-20.0))
_TO_JUNCTION_M = 24.0
_ROOF = carla.Transform(carla.Location(x=0.8, z=1.7))
_AHEAD = (
    ("vehicle.tesla.cybertruck", 14.0, 0.0),
    ("vehicle.mercedes.sprinter", 20.0, 2.5),
    ("vehicle.audi.a2", 32.0, 0.0),
    ("vehicle.bh.crossbike", 13.0, -3.4),
    ("vehicle.harley-davidson.low_rider", 11.0, 4.0),
    ("walker.pedestrian.0001", 15.0, 6.0),
)
"""What stands before the camera that shows the sensors: type, metres ahead and to the right."""
_RIG = DEFAULT_RIG[0]
_BEFORE_THE_CROSSING = carla.Transform(carla.Location(x=-96.0, y=1.75), carla.Rotation())
_SKIES = ("Clear", "Cloudy", "Wet", "WetCloudy", "SoftRain", "MidRainy", "HardRain")
_HOURS = ("Noon", "Sunset", "Night")
_MISNAMED = {"MidRainySunset": "MidRainSunset"}
_MOVING = (("vehicle.audi.a2", 12.0, 0.0), ("vehicle.tesla.model3", 24.0, -3.5))
Image = np.ndarray[Any, np.dtype[np.uint8]]


class Studio:
    """A server, a client and cameras whose pictures of one tick are taken together."""

    def __init__(self, port: int) -> None:
        self._client = carla.Client("127.0.0.1", port)
        self._client.set_timeout(60.0)
        self.world: carla.World = self._client.get_world()

    def load(self, town: str) -> None:
        """Begin anew in a town, synchronously."""
        self.world = self._client.load_world(town)
        settings = self.world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, _STEP_S
        self.world.apply_settings(settings)

    def put(self, type_id: str, start: carla.Transform, ahead_m: float, right_m: float) -> carla.Actor:
        """Spawn something relative to a place; it is a bug when the place is taken."""
        place = carla.Transform(start.location, start.rotation)
        place.location = start.transform(carla.Location(x=ahead_m, y=right_m, z=0.5))
        return self.world.spawn_actor(self.world.get_blueprint_library().find(type_id), place)

    def take(
        self,
        kinds: tuple[str, ...],
        place: carla.Transform,
        parent: carla.Actor | None,
        ticks: int,
        size: tuple[int, int] = (_WIDTH, _HEIGHT),
        fov_deg: float = 90.0,
    ) -> list[Any]:
        """Return what cameras of these kinds send of the last of so many ticks."""
        boxes = []
        for kind in kinds:
            blueprint = self.world.get_blueprint_library().find(f"sensor.camera.{kind}")
            blueprint.set_attribute("image_size_x", str(size[0]))
            blueprint.set_attribute("image_size_y", str(size[1]))
            blueprint.set_attribute("fov", f"{fov_deg:.9g}")
            camera = self.world.spawn_actor(blueprint, place, attach_to=parent)
            box: queue.Queue[Any] = queue.Queue()
            camera.listen(box.put)
            boxes.append((camera, box))
        frame = [self.world.tick() for _ in range(ticks)][-1]
        taken = [_of_frame(box, frame) for _, box in boxes]
        for camera, _ in boxes:
            camera.stop()
            camera.destroy()
        return taken


def _of_frame(box: queue.Queue[Any], frame: int) -> Any:
    while True:
        data = box.get(timeout=30.0)
        if data.frame == frame:
            return data


def _pixels(image: carla.Image, converter: carla.ColorConverter = carla.ColorConverter.Raw) -> Image:
    image.convert(converter)
    return _bgr(image)


def _bgr(image: Any) -> Image:
    return np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)[:, :, :3].copy()


def _grid(pictures: list[Image], columns: int) -> Image:
    rows = [np.hstack(pictures[first : first + columns]) for first in range(0, len(pictures), columns)]
    return np.vstack(rows)


def _before_a_junction(road_map: carla.Map) -> carla.Transform:
    places = road_map.get_spawn_points()
    ahead = (road_map.get_waypoint(place.location).next(_TO_JUNCTION_M) for place in places)
    found = (place for place, ways in zip(places, ahead, strict=True) if ways and ways[0].is_junction)
    return next(found, places[0])


def _named(picture: Image, name: str) -> Image:
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(picture, name, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thickness, cv2.LINE_AA)
    return picture


def maps(studio: Studio) -> Image:
    """Show every town from over a road."""
    pictures = []
    for town in available_towns():
        studio.load(town)
        start = _before_a_junction(studio.world.get_map())
        place = carla.Transform(start.location + _OVER_THE_ROAD.location, start.rotation)
        place.rotation.pitch = _OVER_THE_ROAD.rotation.pitch
        picture = _pixels(studio.take(("rgb",), place, None, 2)[0])
        pictures.append(_named(picture, town))
    return _grid(pictures, 3)


def sensors(studio: Studio) -> Image:
    """Show one view as RGB, depth, semantic and instance segmentation."""
    studio.load("Lite02")
    start = studio.world.get_map().get_spawn_points()[2]
    ego = studio.put("vehicle.tesla.model3", start, 0.0, 0.0)
    for type_id, ahead_m, right_m in _AHEAD:
        studio.put(type_id, start, ahead_m, right_m)
    kinds = ("rgb", "depth", "semantic_segmentation", "instance_segmentation")
    rgb, depth, semantic, instances = studio.take(kinds, _ROOF, ego, 2)
    numbers = _pixels(instances).astype(np.uint32)
    mixed = (numbers @ np.array([1, 256, 65536], np.uint32)) * np.uint32(2654435761)
    colours = np.stack([mixed >> shift & 255 for shift in (24, 16, 8)], axis=-1).astype(np.uint8)
    depth_picture = _pixels(depth, carla.ColorConverter.LogarithmicDepth)
    return _grid([_pixels(rgb), depth_picture, _pixels(semantic, carla.ColorConverter.CityScapesPalette), colours], 2)


def sensors_motion(studio: Studio) -> Image:
    """Show a drive as RGB, normals, optical flow and events."""
    studio.load("Lite02")
    start = studio.world.get_map().get_spawn_points()[2]
    ego = studio.put("vehicle.tesla.model3", start, 0.0, 0.0)
    others = [studio.put(type_id, start, ahead_m, right_m) for type_id, ahead_m, right_m in _MOVING]
    for vehicle, speed_mps in ((ego, 8.0), (others[0], 10.0)):
        vehicle.enable_constant_velocity(carla.Vector3D(x=speed_mps))
    rgb, normals, flow, events = studio.take(("rgb", "normals", "optical_flow", "dvs"), _ROOF, ego, 10)
    picture = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    found = np.frombuffer(events.raw_data, [("x", "<u2"), ("y", "<u2"), ("t", "<i8"), ("brighter", "?")])
    picture[found["y"], found["x"]] = np.where(found["brighter"][:, None], (200, 80, 30), (40, 40, 220))
    return _grid([_pixels(rgb), _pixels(normals), _bgr(flow.get_color_coded_flow()), picture], 2)


def weathers(studio: Studio) -> Image:
    """Show what the policy's camera sees in the weathers of the scenarios."""
    presets = {name: convert.weather(parameters) for name, parameters in WEATHER_PRESETS.items()}
    return _grid([picture for _, picture in _seen_by_the_policy(studio, presets)], 2)


def weather_presets(studio: Studio) -> Image:
    """Show the same place in CARLA's presets: a row per sky, noon, sunset and night beside each other."""
    names = [f"{sky}{hour}" for sky in _SKIES for hour in _HOURS]
    names = [_MISNAMED.get(name, name) for name in names]
    presets = {name: getattr(carla.WeatherParameters, name) for name in names}
    return _grid([_named(picture, name) for name, picture in _seen_by_the_policy(studio, presets)], len(_HOURS))


def _seen_by_the_policy(studio: Studio, presets: dict[str, carla.WeatherParameters]) -> Iterator[tuple[str, Image]]:
    studio.load("Lite01")
    ego = studio.put("vehicle.tesla.model3", _BEFORE_THE_CROSSING, 0.0, 0.0)
    ego.set_light_state(carla.VehicleLightState(carla.VehicleLightState.LowBeam))
    place = convert.transform(_RIG.pose_base_link_from_camera)
    for name, weather in presets.items():
        studio.world.set_weather(weather)
        size = (_RIG.width_px, _RIG.height_px)
        yield name, _pixels(studio.take(("rgb",), place, ego, 2, size, math.degrees(_RIG.fov_rad))[0])


def main() -> None:
    """Write all pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "images"
    with ServerProcess() as server:
        studio = Studio(server.port)
        for draw in (maps, sensors, sensors_motion, weathers, weather_presets):
            quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            path = folder / f"{draw.__name__}.jpg"
            if not cv2.imwrite(str(path), draw(studio), quality):
                raise SystemExit(f"cannot write {path}")
            print(path)


if __name__ == "__main__":
    main()
