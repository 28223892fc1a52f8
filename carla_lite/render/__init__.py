"""Software camera of carla_lite: ``Renderer`` draws a town from any pose, ``warm_up`` compiles it ahead of time."""

from carla_lite.render.renderer import Renderer
from carla_lite.render.warmup import warm_up

__all__ = ["Renderer", "warm_up"]
