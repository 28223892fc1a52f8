"""Geographic positions, as CARLA 0.9.16's client computes them.

``map.transform_to_geolocation`` of that client is a transverse Mercator projection of a *sphere* with scale 0.9996,
whatever ellipsoid and scale the map's geoReference names, and CARLA's +y (south on the map) goes north. A GNSS
sensor must agree with its client, so this does the same; contract tests compare the two to 1e-9 degrees.
"""

from __future__ import annotations

import math

_SPHERE_RADIUS_M = 6378137.0 * 0.9996


def geo_location(origin_deg: tuple[float, float], carla_x_m: float, carla_y_m: float) -> tuple[float, float]:
    """Return (latitude, longitude) in degrees of a point in CARLA's axes; ``origin_deg`` is that of the map origin."""
    latitude_deg, longitude_deg = origin_deg
    along = math.radians(latitude_deg) + carla_y_m / _SPHERE_RADIUS_M
    across = carla_x_m / _SPHERE_RADIUS_M
    return (
        math.degrees(math.asin(math.sin(along) / math.cosh(across))),
        longitude_deg + math.degrees(math.atan2(math.sinh(across), math.cos(along))),
    )
