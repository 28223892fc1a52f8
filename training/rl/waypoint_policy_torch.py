"""The learned driver: an SFT checkpoint, optionally corrected by a delta head.

Usage::

    cfg = WaypointPolicyConfig(checkpoint="out/sft_waypoint_bc_torch_v0/model.pt")
    waypoints = WaypointPolicyTorch(cfg)({"front": images}, image_valid={"front": valid_mask})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.models.checkpoint import load_delta_head, load_waypoint_model
from training.models.preprocess import command_indices, shrink_images, to_unit_range
from training.models.waypoint_model import ModelInput
from waypilot.rig import CameraSpec
from waypilot.route import Route
from waypilot.types import Observation, Plan, RouteCommand, Trajectory


@dataclass(frozen=True, slots=True)
class WaypointPolicyConfig:
    """Which network drives, and where it computes.

    ``delta_checkpoint`` adds corrections to the plan of ``checkpoint``; empty means none. One thread gives the same
    bits on every run: the order of a sum depends on the number of threads, which torch sets for the whole process.
    """

    checkpoint: str
    delta_checkpoint: str = ""
    device: str = "cpu"
    num_threads: int = 1

    def __post_init__(self) -> None:
        if not self.checkpoint:
            raise ValueError("checkpoint is empty, expected the path of an SFT checkpoint (model.pt)")
        if self.num_threads < 1:
            raise ValueError(f"num_threads is {self.num_threads}, expected 1 or more")


class WaypointPolicyTorch:
    """Plans waypoints from camera images, speed and route command.

    Raises CheckpointError on construction when a checkpoint cannot be used, ValueError for a device that is not there.
    """

    def __init__(self, config: WaypointPolicyConfig):
        torch.set_num_threads(config.num_threads)
        self.config = config
        self._device = _usable(config.device)
        model, self.checkpoint = load_waypoint_model(Path(config.checkpoint))
        self.model = model.to(self._device).requires_grad_(False)
        self.delta_head = None
        if config.delta_checkpoint:
            head = load_delta_head(Path(config.delta_checkpoint), self.checkpoint)
            self.delta_head = head.to(self._device).requires_grad_(False)

    @property
    def name(self) -> str:
        """``waypoint`` or, with a delta head, ``waypoint_delta``."""
        return "waypoint" if self.delta_head is None else "waypoint_delta"

    @property
    def cameras(self) -> tuple[CameraSpec, ...]:
        """The cameras the network was trained with; the vehicle must carry the same."""
        return self.checkpoint.cameras

    @property
    def waypoint_dt_ns(self) -> int:
        """Time between waypoints."""
        return self.model.config.waypoint_dt_ns

    def __call__(
        self,
        images: Mapping[str, Any],
        image_valid: Mapping[str, Any] | None = None,
        speed_mps: Any = None,
        command: Any = None,
        target_point_m: Any = None,
    ) -> torch.Tensor:
        """Plan for a batch: waypoints (B, N, 2) in metres, base_link axes.

        ``images`` maps a camera name to RGB uint8 (B, H, W, 3), array or tensor; ``image_valid`` to a mask (B,).
        A configured camera without images, or whose mask is False, carries no information; no mask means all valid.
        ``speed_mps`` (B,) defaults to 0 (standing), ``command`` (B,) (RouteCommand numbers) to LANE_FOLLOW,
        ``target_point_m`` (B, 2) is needed, and looked at, only by networks trained with target points.
        Raises ValueError for unknown cameras, wrong shapes, unknown commands and a missing target point.
        """
        sft, delta = self._infer(self._batch(images, image_valid or {}, speed_mps, command, target_point_m))
        return sft if delta is None else sft + delta

    @torch.no_grad()
    def latent_and_plan(
        self,
        images: Mapping[str, Any],
        image_valid: Mapping[str, Any],
        speed_mps: Any,
        command: Any,
        target_point_m: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Answer a batch without any delta head: latent (B, Z) and plan (B, N, 2). Arguments as for a call."""
        batch = self._batch(images, image_valid, speed_mps, command, target_point_m)
        latent = self.model.latent(batch)
        return latent, self.model.head(latent, batch.speed_mps)

    def reset(self, route: Route, seed: int) -> None:
        """Start a new drive: nothing to do, this policy keeps no state and makes no random choice."""

    def plan(self, observation: Observation) -> Plan:
        """Plan for one observation.

        Without any valid camera there is nothing to plan from: the answer has no waypoints, which makes the
        follower stop safely.
        """
        names = [name for name in self.model.config.cameras if observation.image_valid.get(name, False)]
        if not names:
            return Plan(self._trajectory(observation, np.zeros((0, 2))))
        batch = self._batch(
            {name: observation.images[name][None] for name in names},
            {},
            [observation.ego.speed_mps],
            [int(observation.command)],
            [observation.target_point_m],
        )
        sft, delta = self._infer(batch)
        sft_m = sft[0].cpu().numpy().astype(np.float64)
        delta_m = np.zeros_like(sft_m) if delta is None else delta[0].cpu().numpy().astype(np.float64)
        return Plan(
            final=self._trajectory(observation, sft_m + delta_m),
            sft=self._trajectory(observation, sft_m),
            delta_m=delta_m,
        )

    @property
    def looks_at_target_points(self) -> bool:
        """Whether a plan needs the route's target points."""
        return self.model.config.use_target_point or bool(self.delta_head and self.delta_head.use_target_point)

    @torch.inference_mode()
    def _infer(self, batch: ModelInput) -> tuple[torch.Tensor, torch.Tensor | None]:
        latent = self.model.latent(batch)
        sft = self.model.head(latent, batch.speed_mps)
        return sft, None if self.delta_head is None else self.delta_head(latent, batch.target_point_m, sft)

    def _trajectory(self, observation: Observation, waypoints_m: np.ndarray) -> Trajectory:
        return Trajectory(observation.stamp_ns, self.waypoint_dt_ns, waypoints_m)

    def _batch(
        self,
        images: Mapping[str, Any],
        image_valid: Mapping[str, Any],
        speed_mps: Any,
        command: Any,
        target_point_m: Any,
    ) -> ModelInput:
        known = self.model.config.cameras
        if unknown := sorted({*images, *image_valid} - set(known)):
            raise ValueError(f"no camera {', '.join(unknown)} in this checkpoint; it knows {', '.join(known)}")
        if not images:
            raise ValueError(f"no images, expected at least one of the cameras {', '.join(known)}")
        shrunk = {name: shrink_images(_tensor(value), self.model.config) for name, value in images.items()}
        sizes = {name: len(value) for name, value in shrunk.items()}
        size = next(iter(sizes.values()))
        if set(sizes.values()) != {size}:
            raise ValueError(f"the cameras have batches of {sizes}, expected the same number of images from each")
        if target_point_m is None and self.looks_at_target_points:
            raise ValueError("this network was trained with target points, expected target_point_m (B, 2) in base_link")
        blank = torch.zeros_like(next(iter(shrunk.values())))
        valid = [_valid(image_valid.get(name), name in shrunk, size) for name in known]
        stacked = torch.stack([to_unit_range(shrunk.get(name, blank)) for name in known], dim=1)
        return ModelInput(
            images=stacked.to(self._device),
            image_valid=torch.stack(valid, dim=1).to(self._device),
            speed_mps=_values(speed_mps, 0.0, (size,), torch.float32).to(self._device),
            command=command_indices(_values(command, RouteCommand.LANE_FOLLOW, (size,), torch.int64)).to(self._device),
            target_point_m=_values(target_point_m, 0.0, (size, 2), torch.float32).to(self._device),
        )


def _usable(name: str) -> torch.device:
    try:
        device = torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError) as error:  # torch's complaints about its build and its drivers
        reason = str(error).splitlines()[0]
        raise ValueError(f"device is {name!r}, which cannot be used here ({reason}); cpu always can") from error
    if device.type == "cuda":  # the same answers every time, and in the precision of the CPU
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
    return device


def _tensor(value: Any) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value
    # An array that is read-only (a message's buffer) or reversed (BGR to RGB) cannot be wrapped without a copy.
    return torch.from_numpy(np.require(value, requirements=["C", "W"]))


def _valid(mask: Any, has_image: bool, size: int) -> torch.Tensor:
    valid = torch.full((size,), has_image)
    if mask is None or not has_image:
        return valid
    given = torch.as_tensor(mask, dtype=torch.bool).reshape(-1)
    if len(given) != size:
        raise ValueError(f"image_valid has {len(given)} entries, expected one for each of the {size} images")
    return given


def _values(given: Any, default: float, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    if given is None:
        return torch.full(shape, default, dtype=dtype)
    values = torch.as_tensor(given, dtype=dtype)
    if tuple(values.shape) != shape:
        raise ValueError(f"got values of shape {tuple(values.shape)}, expected {shape} like the images")
    return values
