"""What a weather does to light: continuous functions of CARLA's fourteen weather parameters.

Percentages are clipped to 0..100. Which parameter does what:

===========================  ===============================================================================
sun_altitude_angle           strength and warmth of the sun, darkness of the night, lit windows and lamps
sun_azimuth_angle            which walls the sun lights; where its disc stands
cloudiness, precipitation    hide the sun, grey the sky; precipitation also adds streaks and haze
precipitation_deposits       puddles: patches of the road that mirror
wetness                      darker ground with an even gloss (rain implies at least its own wetness)
fog_density, _distance       haze per metre, and the distance from the camera where it begins
fog_falloff                  thins the fog with height; taken at driver's height, so a constant factor here
wind_intensity               slant of the rain
scattering_intensity         brightness of the haze; mie_scattering_scale: glare around the sun
rayleigh_scattering_scale    blueness of the sky; dust_storm: brown haze
===========================  ===============================================================================
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carla_lite.scene import Weather

Color = tuple[float, float, float]

# Fog and lamp strength are tabulated every half metre.
RANGE_STEPS = 1024
STEPS_PER_M = 2.0

_DRIVER_HEIGHT_M = 2.0
_NIGHT_AMBIENT = (0.105, 0.115, 0.165)
_DAY_ZENITH, _GREY_ZENITH, _NIGHT_ZENITH = (78.0, 134.0, 214.0), (148.0, 155.0, 165.0), (4.0, 6.0, 16.0)
_DAY_HAZE, _GREY_HAZE, _NIGHT_HAZE = (204.0, 219.0, 234.0), (190.0, 194.0, 200.0), (14.0, 17.0, 28.0)
_DUSK_HAZE, _DUST_HAZE = (238.0, 168.0, 112.0), (176.0, 140.0, 98.0)
_RAIN_DIMMING = 0.22


class Light(NamedTuple):
    """Per-frame factors for the kernels. Colours multiply surface colours, except ``haze`` (0..255).

    ``fog`` and ``lamp`` (RANGE_STEPS,) give haze share and head-light strength by depth, ``STEPS_PER_M`` per metre.
    """

    ambient: Color
    sun: Color
    sun_direction: Color
    haze: Color
    night: float
    wet: float
    puddles: float
    rain: float
    slant: float
    fog_per_m: float
    fog_start_m: float
    fog: NDArray[np.float64]
    lamp: NDArray[np.float64]


class SkyLook(NamedTuple):
    """What the sky panorama is painted from."""

    zenith: Color
    horizon: Color
    cloud: Color
    cover: float
    glare: float
    disc: float
    stars: float


def make_light(weather: Weather) -> tuple[Light, SkyLook]:
    """Derive light and sky from a weather.

    Raises:
        ValueError: A parameter is not finite.
    """
    _check(weather)
    altitude = math.radians(max(-90.0, min(90.0, weather.sun_altitude_angle)))
    azimuth = -math.radians(weather.sun_azimuth_angle)
    day = _smoothstep(-10.0, 12.0, weather.sun_altitude_angle)
    rain = _share(weather.precipitation)
    overcast = _smoothstep(0.15, 0.85, max(_share(weather.cloudiness), rain))
    haze = _haze_color(weather, day, overcast, rain)
    fog_per_m = _fog_per_m(weather, rain)
    fog_start_m = max(0.0, float(weather.fog_distance))
    night = 1.0 - _smoothstep(-6.0, 4.0, weather.sun_altitude_angle - 4.0 * overcast * day)
    light = Light(
        ambient=_ambient(day, overcast, rain),
        sun=_sun(weather.sun_altitude_angle, overcast),
        sun_direction=(
            math.cos(altitude) * math.cos(azimuth),
            math.cos(altitude) * math.sin(azimuth),
            math.sin(altitude),
        ),
        haze=haze,
        night=night,
        wet=max(_share(weather.wetness), _share(weather.precipitation_deposits) * 0.6, min(1.0, 1.5 * rain)),
        puddles=_share(weather.precipitation_deposits),
        rain=rain,
        slant=0.5 * _share(weather.wind_intensity),
        fog_per_m=fog_per_m,
        fog_start_m=fog_start_m,
        fog=_fog_table(fog_per_m, fog_start_m),
        lamp=_lamp_table(max(night, 0.25 * overcast * rain)),
    )
    return light, _sky_look(weather, day, overcast, rain, haze)


def _check(weather: Weather) -> None:
    for parameter in fields(weather):
        value = getattr(weather, parameter.name)
        if not math.isfinite(value):
            raise ValueError(f"weather parameter {parameter.name} is {value}, expected a finite number")


def _share(percent: float) -> float:
    return max(0.0, min(1.0, percent / 100.0))


def _smoothstep(low: float, high: float, value: float) -> float:
    t = max(0.0, min(1.0, (value - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


def _mix(first: Color, second: Color, share: float) -> Color:
    return (
        first[0] + (second[0] - first[0]) * share,
        first[1] + (second[1] - first[1]) * share,
        first[2] + (second[2] - first[2]) * share,
    )


def _scale(color: Color, factor: float) -> Color:
    return (color[0] * factor, color[1] * factor, color[2] * factor)


def _ambient(day: float, overcast: float, rain: float) -> Color:
    daylight = _mix((0.60, 0.62, 0.66), (0.79, 0.80, 0.83), overcast)
    return _mix(_NIGHT_AMBIENT, _scale(daylight, 1.0 - _RAIN_DIMMING * rain), day)


def _sun(altitude_deg: float, overcast: float) -> Color:
    strength = 0.66 * _smoothstep(-2.0, 14.0, altitude_deg) * (1.0 - overcast) ** 2
    return _scale(_mix((1.0, 0.66, 0.40), (1.0, 0.97, 0.90), _smoothstep(2.0, 30.0, altitude_deg)), strength)


def _haze_color(weather: Weather, day: float, overcast: float, rain: float) -> Color:
    dusk = max(0.0, 1.0 - abs(weather.sun_altitude_angle - 1.0) / 12.0) * (1.0 - overcast)
    color = _mix(_mix(_DAY_HAZE, _GREY_HAZE, overcast), _DUSK_HAZE, 0.8 * dusk)
    color = _mix(color, _DUST_HAZE, 0.9 * _share(weather.dust_storm))
    color = _mix(_NIGHT_HAZE, _scale(color, 1.0 - _RAIN_DIMMING * rain), day)
    return _scale(color, 0.9 + 0.1 * max(0.0, min(2.0, weather.scattering_intensity)))


def _fog_per_m(weather: Weather, rain: float) -> float:
    # Chosen by eye: density 100 leaves 25 m of sight, 10 about 1 km; falloff 1 stands for thin ground mist.
    fog = 0.05 * _share(weather.fog_density) ** 2 * math.exp(-_DRIVER_HEIGHT_M * max(0.0, weather.fog_falloff))
    return 0.0009 + fog + 0.008 * rain + 0.02 * _share(weather.dust_storm)


def _fog_table(fog_per_m: float, fog_start_m: float) -> NDArray[np.float64]:
    depth_m = np.arange(RANGE_STEPS) / STEPS_PER_M
    return 1.0 - np.exp(-fog_per_m * np.maximum(0.0, depth_m - fog_start_m))


def _lamp_table(strength: float) -> NDArray[np.float64]:
    """Head lights of the camera's own car: brightest near 8 m, fading out by 60 m."""
    depth_m = np.arange(RANGE_STEPS) / STEPS_PER_M
    rise = np.clip((depth_m - 2.0) / 4.0, 0.0, 1.0)
    return strength * 1.15 * rise / (1.0 + (depth_m / 17.0) ** 2.4)


def _sky_look(weather: Weather, day: float, overcast: float, rain: float, haze: Color) -> SkyLook:
    blue = max(0.0, min(2.0, weather.rayleigh_scattering_scale / 0.0331))
    clear = _mix(_DAY_HAZE, _DAY_ZENITH, min(1.2, blue))
    zenith = _mix(_mix(clear, _GREY_ZENITH, overcast), _DUST_HAZE, _share(weather.dust_storm))
    cloud = _mix((250.0, 250.0, 252.0), (168.0, 172.0, 180.0), overcast)
    light = 1.0 - _RAIN_DIMMING * rain
    altitude_deg = weather.sun_altitude_angle
    return SkyLook(
        zenith=_mix(_NIGHT_ZENITH, _scale(zenith, light), day),
        horizon=haze,
        cloud=_mix((20.0, 22.0, 32.0), _scale(cloud, light), day),
        cover=max(_share(weather.cloudiness), rain),
        glare=_smoothstep(-8.0, 5.0, altitude_deg)
        * (1.0 - overcast)
        * max(0.0, min(2.0, weather.mie_scattering_scale / 0.03)),
        disc=_smoothstep(-2.0, 2.0, altitude_deg) * (1.0 - overcast),
        stars=(1.0 - day) * (1.0 - overcast),
    )
