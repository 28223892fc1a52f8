"""Software sensors of carla_lite.

``Renderer`` draws a town from any pose, ``Perception`` gives depth, labels, normals, optical flow and
ray hits, ``EventPixels`` are those of a dynamic vision sensor, ``warm_up`` compiles all kernels.
"""

from carla_lite.render.events import EventPixels, EventSettings
from carla_lite.render.helper import Helper
from carla_lite.render.motion import Sight
from carla_lite.render.perception import Hits, Perception
from carla_lite.render.renderer import Renderer
from carla_lite.render.warmup import warm_up, warm_up_steps

__all__ = [
    "EventPixels",
    "EventSettings",
    "Helper",
    "Hits",
    "Perception",
    "Renderer",
    "Sight",
    "warm_up",
    "warm_up_steps",
]
