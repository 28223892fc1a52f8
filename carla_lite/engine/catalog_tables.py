"""The figures behind the catalog: ids, sizes and masses near those of CARLA 0.9.16, attribute defaults as there."""

from __future__ import annotations

from typing import NamedTuple

Vector3 = tuple[float, float, float]
AttributeRow = tuple[str, str, str]
"""Name, type (a name of ``AttributeType``), default."""

PAINTS = ("17,37,103", "180,180,180", "137,0,0", "26,26,26", "235,235,235")
WHITE = ("235,235,235",)


class VehicleRow(NamedTuple):
    """One vehicle; half extents are (length, width, height) / 2."""

    type_id: str
    half_extent_m: Vector3
    mass_kg: float
    wheelbase_m: float
    max_steer_deg: float = 70.0
    base_type: str = "car"
    special_type: str = ""
    generation: int = 1
    wheels: int = 4
    has_lights: bool = False
    colors: tuple[str, ...] = PAINTS


VEHICLES = (
    VehicleRow("vehicle.audi.a2", (1.853, 0.895, 0.774), 1200.0, 2.41),
    VehicleRow("vehicle.audi.etron", (2.428, 1.016, 0.825), 2360.0, 2.93),
    VehicleRow("vehicle.audi.tt", (2.091, 0.997, 0.693), 1335.0, 2.51, has_lights=True),
    VehicleRow("vehicle.bmw.grandtourer", (2.306, 1.121, 0.834), 1630.0, 2.78),
    VehicleRow("vehicle.chevrolet.impala", (2.679, 1.017, 0.705), 1740.0, 2.84),
    VehicleRow("vehicle.citroen.c3", (1.994, 0.926, 0.809), 1110.0, 2.47),
    VehicleRow("vehicle.dodge.charger_2020", (2.503, 1.049, 0.767), 1920.0, 3.05, generation=2, has_lights=True),
    VehicleRow("vehicle.dodge.charger_police", (2.487, 1.019, 0.771), 1920.0, 3.05, special_type="emergency",
               has_lights=True, colors=WHITE),
    VehicleRow("vehicle.ford.mustang", (2.359, 0.948, 0.650), 1640.0, 2.72, has_lights=True),
    VehicleRow("vehicle.ford.crown", (2.683, 0.901, 0.787), 1800.0, 2.91, special_type="taxi", generation=2,
               has_lights=True, colors=("255,183,0",)),
    VehicleRow("vehicle.jeep.wrangler_rubicon", (1.933, 0.953, 0.939), 1880.0, 2.42),
    VehicleRow("vehicle.lincoln.mkz_2017", (2.451, 1.064, 0.755), 1700.0, 2.85, has_lights=True),
    VehicleRow("vehicle.lincoln.mkz_2020", (2.446, 0.918, 0.745), 1700.0, 2.85, generation=2, has_lights=True),
    VehicleRow("vehicle.mercedes.coupe", (2.513, 1.076, 0.825), 1870.0, 2.84, has_lights=True),
    VehicleRow("vehicle.mercedes.coupe_2020", (2.337, 1.001, 0.721), 1870.0, 2.84, generation=2, has_lights=True),
    VehicleRow("vehicle.micro.microlino", (1.104, 0.740, 0.688), 513.0, 1.57, special_type="electric"),
    VehicleRow("vehicle.mini.cooper_s", (1.903, 0.985, 0.738), 1200.0, 2.49),
    VehicleRow("vehicle.nissan.micra", (1.817, 0.923, 0.751), 1070.0, 2.45),
    VehicleRow("vehicle.nissan.patrol", (2.302, 0.966, 0.927), 2750.0, 2.90),
    VehicleRow("vehicle.seat.leon", (2.096, 0.908, 0.737), 1300.0, 2.58),
    VehicleRow("vehicle.tesla.model3", (2.396, 1.082, 0.744), 1845.0, 2.875, generation=2, special_type="electric",
               has_lights=True),
    VehicleRow("vehicle.tesla.cybertruck", (3.137, 1.195, 1.049), 3000.0, 3.81, base_type="truck",
               special_type="electric", has_lights=True, colors=("140,140,145",)),
    VehicleRow("vehicle.toyota.prius", (2.257, 1.003, 0.762), 1400.0, 2.70),
    VehicleRow("vehicle.carlamotors.carlacola", (2.602, 1.307, 1.234), 5500.0, 3.30, base_type="truck",
               colors=("175,20,25",)),
    VehicleRow("vehicle.carlamotors.firetruck", (4.234, 1.446, 1.914), 12000.0, 4.40, max_steer_deg=50.0,
               base_type="truck", special_type="emergency", generation=2, has_lights=True, colors=("165,15,15",)),
    VehicleRow("vehicle.ford.ambulance", (3.183, 1.176, 1.216), 4500.0, 3.51, max_steer_deg=60.0, base_type="van",
               special_type="emergency", generation=2, has_lights=True, colors=WHITE),
    VehicleRow("vehicle.mercedes.sprinter", (2.957, 0.994, 1.280), 2800.0, 3.67, max_steer_deg=60.0, base_type="van",
               generation=2, has_lights=True),
    VehicleRow("vehicle.volkswagen.t2", (2.240, 1.035, 1.019), 1300.0, 2.40, base_type="van", has_lights=True),
    VehicleRow("vehicle.mitsubishi.fusorosa", (5.136, 1.263, 1.680), 6500.0, 5.20, max_steer_deg=50.0,
               base_type="bus", generation=2, has_lights=True),
    VehicleRow("vehicle.harley-davidson.low_rider", (1.178, 0.382, 0.638), 380.0, 1.63, base_type="motorcycle",
               wheels=2, has_lights=True),
    VehicleRow("vehicle.kawasaki.ninja", (1.017, 0.401, 0.573), 260.0, 1.40, base_type="motorcycle", wheels=2,
               has_lights=True),
    VehicleRow("vehicle.yamaha.yzf", (1.105, 0.434, 0.626), 260.0, 1.40, base_type="motorcycle", wheels=2,
               has_lights=True),
    VehicleRow("vehicle.vespa.zx125", (0.902, 0.377, 0.623), 190.0, 1.29, base_type="motorcycle", wheels=2,
               has_lights=True),
    VehicleRow("vehicle.bh.crossbike", (0.744, 0.430, 0.540), 85.0, 1.05, base_type="bicycle", wheels=2),
    VehicleRow("vehicle.diamondback.century", (0.821, 0.186, 0.598), 85.0, 1.02, base_type="bicycle", wheels=2),
    VehicleRow("vehicle.gazelle.omafiets", (0.918, 0.165, 0.589), 90.0, 1.15, base_type="bicycle", wheels=2),
)  # fmt: skip

WALKER_COUNT = 49
CHILD_WALKERS = frozenset({9, 10, 11, 12, 13, 14, 48, 49})
ADULT_HALF_EXTENT_M: Vector3 = (0.188, 0.188, 0.930)
CHILD_HALF_EXTENT_M: Vector3 = (0.150, 0.150, 0.650)
ADULT_MASS_KG = 75.0
CHILD_MASS_KG = 35.0
WALKER_ATTRIBUTES: tuple[AttributeRow, ...] = (
    ("is_invincible", "BOOL", "true"),
    ("can_use_wheelchair", "BOOL", "false"),
)

PROPS: tuple[tuple[str, Vector3, float], ...] = (
    ("barrel", (0.28, 0.28, 0.44), 30.0),
    ("bench01", (0.78, 0.34, 0.42), 60.0),
    ("box01", (0.33, 0.33, 0.33), 10.0),
    ("box02", (0.33, 0.33, 0.33), 10.0),
    ("busstop", (2.20, 0.90, 1.40), 800.0),
    ("constructioncone", (0.17, 0.17, 0.29), 3.0),
    ("container", (3.00, 1.25, 1.30), 2200.0),
    ("creasedbox01", (0.36, 0.36, 0.30), 8.0),
    ("gardenlamp", (0.15, 0.15, 0.40), 15.0),
    ("streetbarrier", (0.61, 0.19, 0.53), 20.0),
    ("trafficcone01", (0.22, 0.22, 0.36), 4.0),
    ("trafficcone02", (0.22, 0.22, 0.36), 4.0),
    ("trafficwarning", (1.20, 0.80, 1.30), 300.0),
    ("trashcan01", (0.32, 0.32, 0.55), 25.0),
    ("vendingmachine", (0.45, 0.40, 0.95), 250.0),
    ("warningconstruction", (0.50, 0.35, 0.60), 12.0),
)

_SENSOR_TICK: AttributeRow = ("sensor_tick", "FLOAT", "0.0")
_CAMERA: tuple[AttributeRow, ...] = (
    ("image_size_x", "INT", "800"),
    ("image_size_y", "INT", "600"),
    ("fov", "FLOAT", "90.0"),
    _SENSOR_TICK,
    ("lens_circle_falloff", "FLOAT", "5.0"),
    ("lens_circle_multiplier", "FLOAT", "0.0"),
    ("lens_k", "FLOAT", "-1.0"),
    ("lens_kcube", "FLOAT", "0.0"),
    ("lens_x_size", "FLOAT", "0.08"),
    ("lens_y_size", "FLOAT", "0.08"),
)
# The renderer has its own fixed look: these exist so that scripts which set them work, and change nothing.
_POST_PROCESS: tuple[AttributeRow, ...] = (
    ("enable_postprocess_effects", "BOOL", "true"),
    ("gamma", "FLOAT", "2.2"),
    ("bloom_intensity", "FLOAT", "0.675"),
    ("lens_flare_intensity", "FLOAT", "0.1"),
    ("fstop", "FLOAT", "1.4"),
    ("min_fstop", "FLOAT", "1.2"),
    ("blade_count", "INT", "5"),
    ("iso", "FLOAT", "100.0"),
    ("shutter_speed", "FLOAT", "200.0"),
    ("focal_distance", "FLOAT", "1000.0"),
    ("blur_amount", "FLOAT", "1.0"),
    ("blur_radius", "FLOAT", "0.0"),
    ("motion_blur_intensity", "FLOAT", "0.45"),
    ("motion_blur_max_distortion", "FLOAT", "0.35"),
    ("motion_blur_min_object_screen_size", "FLOAT", "0.1"),
    ("exposure_mode", "STRING", "histogram"),
    ("exposure_compensation", "FLOAT", "0.0"),
    ("exposure_min_bright", "FLOAT", "10.0"),
    ("exposure_max_bright", "FLOAT", "12.0"),
    ("exposure_speed_up", "FLOAT", "3.0"),
    ("exposure_speed_down", "FLOAT", "1.0"),
    ("calibration_constant", "FLOAT", "16.0"),
    ("slope", "FLOAT", "0.88"),
    ("toe", "FLOAT", "0.55"),
    ("shoulder", "FLOAT", "0.26"),
    ("black_clip", "FLOAT", "0.0"),
    ("white_clip", "FLOAT", "0.04"),
    ("temp", "FLOAT", "6500.0"),
    ("tint", "FLOAT", "0.0"),
    ("chromatic_aberration_intensity", "FLOAT", "0.0"),
    ("chromatic_aberration_offset", "FLOAT", "0.0"),
)
_IMU_NOISE: tuple[AttributeRow, ...] = (
    ("noise_seed", "INT", "0"),
    ("noise_accel_stddev_x", "FLOAT", "0.0"),
    ("noise_accel_stddev_y", "FLOAT", "0.0"),
    ("noise_accel_stddev_z", "FLOAT", "0.0"),
    ("noise_gyro_stddev_x", "FLOAT", "0.0"),
    ("noise_gyro_stddev_y", "FLOAT", "0.0"),
    ("noise_gyro_stddev_z", "FLOAT", "0.0"),
    ("noise_gyro_bias_x", "FLOAT", "0.0"),
    ("noise_gyro_bias_y", "FLOAT", "0.0"),
    ("noise_gyro_bias_z", "FLOAT", "0.0"),
)
_GNSS_NOISE: tuple[AttributeRow, ...] = (
    ("noise_seed", "INT", "0"),
    ("noise_alt_bias", "FLOAT", "0.0"),
    ("noise_alt_stddev", "FLOAT", "0.0"),
    ("noise_lat_bias", "FLOAT", "0.0"),
    ("noise_lat_stddev", "FLOAT", "0.0"),
    ("noise_lon_bias", "FLOAT", "0.0"),
    ("noise_lon_stddev", "FLOAT", "0.0"),
)
_SPINNING: tuple[AttributeRow, ...] = (
    ("channels", "INT", "32"),
    ("range", "FLOAT", "10.0"),
    ("points_per_second", "INT", "56000"),
    ("rotation_frequency", "FLOAT", "10.0"),
    ("upper_fov", "FLOAT", "10.0"),
    ("lower_fov", "FLOAT", "-30.0"),
    ("horizontal_fov", "FLOAT", "360.0"),
    _SENSOR_TICK,
)
_LIDAR_NOISE: tuple[AttributeRow, ...] = (
    ("atmosphere_attenuation_rate", "FLOAT", "0.004"),
    ("dropoff_general_rate", "FLOAT", "0.45"),
    ("dropoff_intensity_limit", "FLOAT", "0.8"),
    ("dropoff_zero_intensity", "FLOAT", "0.4"),
    ("noise_stddev", "FLOAT", "0.0"),
    ("noise_seed", "INT", "0"),
)
_RADAR: tuple[AttributeRow, ...] = (
    ("horizontal_fov", "FLOAT", "30.0"),
    ("vertical_fov", "FLOAT", "30.0"),
    ("range", "FLOAT", "100.0"),
    ("points_per_second", "INT", "1500"),
    ("noise_seed", "INT", "0"),
    _SENSOR_TICK,
)
_OBSTACLE: tuple[AttributeRow, ...] = (
    ("distance", "FLOAT", "5.0"),
    ("hit_radius", "FLOAT", "0.5"),
    ("only_dynamics", "BOOL", "false"),
    ("debug_linetrace", "BOOL", "false"),
    _SENSOR_TICK,
)
SENSORS: tuple[tuple[str, tuple[AttributeRow, ...]], ...] = (
    ("sensor.camera.rgb", (*_CAMERA, *_POST_PROCESS)),
    ("sensor.camera.depth", _CAMERA),
    ("sensor.camera.semantic_segmentation", _CAMERA),
    ("sensor.camera.instance_segmentation", _CAMERA),
    ("sensor.lidar.ray_cast", (*_SPINNING, *_LIDAR_NOISE)),
    ("sensor.lidar.ray_cast_semantic", _SPINNING),
    ("sensor.other.collision", ()),
    ("sensor.other.lane_invasion", ()),
    ("sensor.other.obstacle", _OBSTACLE),
    ("sensor.other.radar", _RADAR),
    ("sensor.other.imu", (_SENSOR_TICK, *_IMU_NOISE)),
    ("sensor.other.gnss", (_SENSOR_TICK, *_GNSS_NOISE)),
)
