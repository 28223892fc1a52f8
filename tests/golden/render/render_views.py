"""The views that the golden images show."""

from __future__ import annotations

from tiny_town import driver_camera, make_scene

from carla_lite.scene import Camera, DynamicScene


def golden_views() -> dict[str, tuple[Camera, DynamicScene]]:
    """Return camera and scene by file name (without ending)."""
    small = {"width_px": 192, "height_px": 108}
    views = {
        f"driver_{name}": (driver_camera(**small), make_scene(name)) for name in ("clear", "cloudy", "night", "rain")
    }
    above = driver_camera(**small, x_m=-6.0, z_m=18.0, pitch_rad=0.7, roll_rad=0.15)
    views["tilted_clear"] = (above, make_scene("clear"))
    return views
