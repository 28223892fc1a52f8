"""From what the simulator reports to what a policy may look at."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from waypilot.geometry import SE2
from waypilot.image_monitor import ImageMonitor, ImageMonitorConfig
from waypilot.rig import DEFAULT_RIG, CameraSpec
from waypilot.route import Route, RouteProjection, RouteTracker
from waypilot.surroundings import SceneInfo, Surroundings
from waypilot.types import EgoState, Observation, RgbImage, RouteCommand


@dataclass(frozen=True, slots=True)
class ObservationConfig:
    """The cameras that the policy expects, with their image sizes; empty for a policy that looks at none.

    Only a ``privileged`` policy is shown what the simulator knows of its surroundings.
    """

    cameras: tuple[CameraSpec, ...] = DEFAULT_RIG
    monitor: ImageMonitorConfig = field(default_factory=ImageMonitorConfig)
    privileged: bool = False

    def __post_init__(self) -> None:
        names = [camera.name for camera in self.cameras]
        if len(set(names)) != len(names):
            raise ValueError(f"camera names must differ, got {', '.join(names)}")


class ObservationBuilder:
    """Follows one drive along a route and builds the policy's observation of each frame.

    ``faults`` counts unusable images since the last reset, by ``"<camera>: missing | wrong shape | wrong type | black |
    frozen"``; ``latest_faults`` holds those of the last observation.
    Without a route (a recorded drive may lack it) commands are VOID (unknown) and target points NaN.
    ``projection`` is where on the route the last observation was made (None before the first).
    """

    def __init__(self, route: Route | None, config: ObservationConfig, scene: SceneInfo | None = None) -> None:
        self.config = config
        self._scene = scene if config.privileged else None
        self.faults: Counter[str] = Counter()
        self.latest_faults: tuple[str, ...] = ()
        self.projection: RouteProjection | None = None
        self._monitors = {camera.name: ImageMonitor(config.monitor) for camera in config.cameras}
        self._tracker = None if route is None else RouteTracker(route)

    def reset(self, route: Route, scene: SceneInfo | None = None) -> None:
        """Start a new drive."""
        self._scene = scene if self.config.privileged else None
        self.faults.clear()
        self.latest_faults = ()
        self.projection = None
        self._monitors = {camera.name: ImageMonitor(self.config.monitor) for camera in self.config.cameras}
        self._tracker = RouteTracker(route)

    def build(
        self, ego: EgoState, images: Mapping[str, RgbImage], surroundings: Surroundings | None = None
    ) -> Observation:
        """Observe one frame; ``images`` holds RGB (H, W, 3) uint8 by camera name, all of the ego's stamp.

        A camera whose image is missing, has the wrong size or type, is black or stands still while the vehicle moves is
        marked invalid and left out of the images; cameras that nobody expects are ignored. Raises ValueError when the
        ego's position is not finite.
        """
        command, target_point_m = self._ahead(ego.pose_map_from_base_link.planar)
        faults = {camera.name: self._fault(camera, ego, images.get(camera.name)) for camera in self.config.cameras}
        self.latest_faults = tuple(f"{name}: {fault}" for name, fault in faults.items() if fault)
        self.faults.update(self.latest_faults)
        return Observation(
            stamp_ns=ego.stamp_ns,
            ego=ego,
            command=command,
            target_point_m=target_point_m,
            images={name: images[name] for name, fault in faults.items() if fault is None},
            image_valid={name: fault is None for name, fault in faults.items()},
            scene=self._scene,
            surroundings=surroundings if self.config.privileged else None,
        )

    def _ahead(self, pose: SE2) -> tuple[RouteCommand, tuple[float, float]]:
        """Tell the command and the target point (base_link) where the vehicle is."""
        if self._tracker is None:
            return RouteCommand.VOID, (math.nan, math.nan)
        self.projection = self._tracker.update(pose.x_m, pose.y_m)
        route, s_m = self._tracker.route, self.projection.s_m
        target = pose.inverse().compose(SE2(*route.target_point(s_m), 0.0))
        return route.command_at(s_m), (target.x_m, target.y_m)

    def _fault(self, camera: CameraSpec, ego: EgoState, image: RgbImage | None) -> str | None:
        fault = image_fault(camera, image)
        return fault if image is None or fault else self._monitors[camera.name].fault(ego, image)


def image_fault(camera: CameraSpec, image: RgbImage | None) -> str | None:
    """Say why ``image`` is not what ``camera`` delivers (missing, wrong shape, wrong type), or None."""
    if image is None:
        return "missing"
    if image.shape != (camera.height_px, camera.width_px, 3):
        return "wrong shape"
    return None if image.dtype == np.uint8 else "wrong type"
