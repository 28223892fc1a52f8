"""Attributes of CARLA 0.9.16's sensors with their defaults."""

from __future__ import annotations

AttributeRow = tuple[str, str, str]
"""Name, type (a name of ``AttributeType``), default."""

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
_DVS: tuple[AttributeRow, ...] = (
    ("positive_threshold", "FLOAT", "0.3"),
    ("negative_threshold", "FLOAT", "0.3"),
    ("sigma_positive_threshold", "FLOAT", "0.0"),
    ("sigma_negative_threshold", "FLOAT", "0.0"),
    ("refractory_period_ns", "INT", "0"),
    ("use_log", "BOOL", "true"),
    ("log_eps", "FLOAT", "0.001"),
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
    ("sensor.camera.normals", _CAMERA),
    ("sensor.camera.semantic_segmentation", _CAMERA),
    ("sensor.camera.instance_segmentation", _CAMERA),
    ("sensor.camera.cosmos_visualization", _CAMERA),
    ("sensor.camera.optical_flow", _CAMERA),
    ("sensor.camera.dvs", (*_CAMERA, *_POST_PROCESS, *_DVS)),
    ("sensor.lidar.ray_cast", (*_SPINNING, *_LIDAR_NOISE)),
    ("sensor.lidar.ray_cast_semantic", _SPINNING),
    ("sensor.other.collision", ()),
    ("sensor.other.lane_invasion", ()),
    ("sensor.other.obstacle", _OBSTACLE),
    ("sensor.other.radar", _RADAR),
    ("sensor.other.imu", (_SENSOR_TICK, *_IMU_NOISE)),
    ("sensor.other.gnss", (_SENSOR_TICK, *_GNSS_NOISE)),
)
