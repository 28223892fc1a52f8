"""Software sensors of carla_lite.

``Renderer`` draws a town from any pose, ``Perception`` gives depth, labels and ray hits, ``warm_up`` compiles both.
"""

from carla_lite.render.perception import Hits, Perception
from carla_lite.render.renderer import Renderer
from carla_lite.render.warmup import warm_up

__all__ = ["Hits", "Perception", "Renderer", "warm_up"]
