"""Weather as CARLA knows it: fourteen numbers, and names for four useful sets of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

_PERCENT = ("cloudiness", "precipitation", "precipitation_deposits", "wind_intensity", "fog_density", "wetness")


@dataclass(frozen=True, slots=True)
class WeatherParameters:
    """CARLA's WeatherParameters: same names, same order, same units (percent, degrees, metres; no conversion).

    ``sun_altitude_angle`` in [-90, 90] degrees is negative at night. Raises ValueError for a value out of range.
    """

    cloudiness: float
    precipitation: float
    precipitation_deposits: float
    wind_intensity: float
    sun_azimuth_angle: float
    sun_altitude_angle: float
    fog_density: float
    fog_distance: float
    fog_falloff: float
    wetness: float
    scattering_intensity: float
    mie_scattering_scale: float
    rayleigh_scattering_scale: float
    dust_storm: float

    def __post_init__(self) -> None:
        for name in _PERCENT:
            if not 0.0 <= getattr(self, name) <= 100.0:
                raise ValueError(f"{name} is {getattr(self, name)}, give a percentage between 0 and 100")
        if not -90.0 <= self.sun_altitude_angle <= 90.0:
            raise ValueError(
                f"sun_altitude_angle is {self.sun_altitude_angle}, give degrees between -90 (midnight) and 90 (zenith)"
            )
        for field in fields(self):
            if field.name not in (*_PERCENT, "sun_altitude_angle", "sun_azimuth_angle"):
                _refuse_negative(field.name, getattr(self, field.name))


def _refuse_negative(name: str, value: float) -> None:
    if not value >= 0.0:
        raise ValueError(f"{name} is {value}, give a number of at least 0")


def _preset(
    cloudiness: float,
    sun_altitude_angle: float,
    precipitation: float = 0.0,
    wetness: float = 0.0,
    wind_intensity: float = 10.0,
    fog_density: float = 2.0,
) -> WeatherParameters:
    """Vary CARLA's own ClearNoon; standing water is as deep as the rain is strong."""
    return WeatherParameters(
        cloudiness=cloudiness,
        precipitation=precipitation,
        precipitation_deposits=precipitation,
        wind_intensity=wind_intensity,
        sun_azimuth_angle=-1.0,
        sun_altitude_angle=sun_altitude_angle,
        fog_density=fog_density,
        fog_distance=0.75,
        fog_falloff=0.1,
        wetness=wetness,
        scattering_intensity=1.0,
        mie_scattering_scale=0.03,
        rayleigh_scattering_scale=0.0331,
        dust_storm=0.0,
    )


WEATHER_PRESETS: Mapping[str, WeatherParameters] = MappingProxyType(
    {
        "clear": _preset(cloudiness=5.0, sun_altitude_angle=45.0),
        "cloudy": _preset(cloudiness=80.0, sun_altitude_angle=45.0),
        "night": _preset(cloudiness=5.0, sun_altitude_angle=-30.0),
        "rain": _preset(
            cloudiness=90.0,
            sun_altitude_angle=45.0,
            precipitation=80.0,
            wetness=100.0,
            wind_intensity=60.0,
            fog_density=7.0,
        ),
    }
)
