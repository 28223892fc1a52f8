"""The checkpoint: one file with tensors and plain data, which loading never executes.

``torch.load(weights_only=True)`` reads it, and ``load_checkpoint`` refuses whatever is not exactly what it should be.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

import waypilot
from training.models.config import COMMANDS, ENCODER_FIELDS, WaypointModelConfig
from training.models.encoder import build_encoder
from training.models.heads import DeltaWaypointHead
from training.models.waypoint_model import WaypointModel
from waypilot.config import ConfigError, config_from_mapping, config_to_dict
from waypilot.rig import CameraSpec

FORMAT = "waypilot.checkpoint/1"
KIND_SFT = "sft"
KIND_DELTA = "delta"
KIND_ENCODER = "encoder"
_KEYS = frozenset({"format", "kind", "model", "cameras", "commands", "training", "version", "tensors", "sha256"})


class CheckpointError(ValueError):
    """A file is no usable checkpoint; the message names the file and the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What a checkpoint holds.

    ``kind`` is ``sft`` (a waypoint network) or ``delta`` (a delta head for one), or ``encoder`` (the
    camera encoder of one, pre-trained). ``model`` are the network's sizes,
    ``cameras`` the calibrations it was trained with, ``training`` whatever tells how it came about (configuration,
    seed, hash of the data, metrics), ``version`` that of waypilot, ``sha256`` the digest of the tensors.
    """

    kind: str
    model: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]
    cameras: tuple[CameraSpec, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    version: str = waypilot.__version__

    @property
    def sha256(self) -> str:
        """Digest of all tensors with their names, types and shapes."""
        digest = hashlib.sha256()
        for name in sorted(self.tensors):
            tensor = self.tensors[name].detach().cpu().contiguous()
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; an existing file is replaced only when the new one is complete."""
    payload = {
        "format": FORMAT,
        "kind": checkpoint.kind,
        "model": dict(checkpoint.model),
        "cameras": [config_to_dict(camera) for camera in checkpoint.cameras],
        "commands": [command.name for command in COMMANDS],
        "training": dict(checkpoint.training),
        "version": checkpoint.version,
        "tensors": {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()},
        "sha256": checkpoint.sha256,
    }
    save_atomically(path, payload)


def save_atomically(path: Path, payload: object) -> None:
    """``torch.save`` into a temporary file beside ``path``, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    torch.save(payload, partial)
    os.replace(partial, path)


def load_plain(path: Path) -> Any:
    """Read tensors and plain data from a file. Raises CheckpointError when it holds anything else or is damaged."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; train a model first or correct the path")
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not compare the checksums of what it reads
            if (damaged := archive.testzip()) is not None:
                raise CheckpointError(f"{path}: is damaged ({damaged} does not match its checksum)")
        return torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # of any kind: damaged bytes take the unpickler to surprising places
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path}: is damaged or not a file of tensors and plain data ({reason})") from error


def load_checkpoint(path: Path, kind: str) -> Checkpoint:
    """Read a checkpoint of one kind.

    Raises CheckpointError for a missing, truncated, damaged or foreign file and for another format or kind.
    """
    payload = load_plain(path)
    if not isinstance(payload, dict) or payload.get("format") != FORMAT:
        found = payload.get("format") if isinstance(payload, dict) else type(payload).__name__
        raise CheckpointError(f"{path}: format is {found!r}, expected {FORMAT!r}")
    if set(payload) != _KEYS:
        raise CheckpointError(f"{path}: has fields {sorted(payload)}, expected {sorted(_KEYS)}")
    if payload["kind"] != kind:
        raise CheckpointError(f"{path}: is a checkpoint of kind {payload['kind']!r}, expected {kind!r}")
    if payload["commands"] != [command.name for command in COMMANDS]:
        raise CheckpointError(f"{path}: encodes the commands {payload['commands']}, this version has other ones")
    _check_types(path, payload)
    try:
        cameras = tuple(config_from_mapping(CameraSpec, camera, "cameras") for camera in payload["cameras"])
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from error
    checkpoint = Checkpoint(
        kind, payload["model"], payload["tensors"], cameras, payload["training"], payload["version"]
    )
    if checkpoint.sha256 != payload["sha256"]:
        raise CheckpointError(f"{path}: the tensors do not match their digest; the file was altered or damaged")
    return checkpoint


def _check_types(path: Path, payload: Mapping[str, Any]) -> None:
    kinds = {"model": dict, "training": dict, "tensors": dict, "cameras": list, "version": str}
    for name, kind in kinds.items():
        if not isinstance(payload[name], kind):
            raise CheckpointError(f"{path}: {name} is {type(payload[name]).__name__}, expected {kind.__name__}")
    if not all(isinstance(tensor, torch.Tensor) for tensor in payload["tensors"].values()):
        raise CheckpointError(f"{path}: tensors holds something else than tensors")


def load_waypoint_model(path: Path) -> tuple[WaypointModel, Checkpoint]:
    """Build the waypoint network of an SFT checkpoint, in evaluation mode. Raises CheckpointError."""
    checkpoint = load_checkpoint(path, KIND_SFT)
    try:
        model = WaypointModel(config_from_mapping(WaypointModelConfig, checkpoint.model, "model"))
    except (ConfigError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    _load_tensors(path, model, checkpoint)
    return model.eval(), checkpoint


def encoder_sizes(config: WaypointModelConfig) -> dict[str, Any]:
    """Give what of a network's configuration belongs to its encoder: ``model`` of an encoder checkpoint."""
    values = config_to_dict(config)
    return {name: values[name] for name in ENCODER_FIELDS}


def load_encoder(path: Path, config: WaypointModelConfig) -> tuple[nn.Module, Checkpoint]:
    """Build the encoder of an encoder checkpoint for a network ``config``, in evaluation mode.

    Raises CheckpointError, also when the encoder was made for other images or sizes.
    """
    checkpoint = load_checkpoint(path, KIND_ENCODER)
    expected = encoder_sizes(config)
    if set(checkpoint.model) != set(expected):
        raise CheckpointError(f"{path}: declares {sorted(checkpoint.model)}, expected {sorted(expected)}")
    for name, value in expected.items():
        if checkpoint.model[name] != value:
            raise CheckpointError(
                f"{path}: was made for {name} {checkpoint.model[name]!r}, the network has {value!r}; "
                f"pre-train on the same kind of images"
            )
    encoder = build_encoder(config)
    _load_tensors(path, encoder, checkpoint)
    return encoder.eval(), checkpoint


def load_delta_head(path: Path, sft: Checkpoint) -> DeltaWaypointHead:
    """Build the delta head of a delta checkpoint made for the network ``sft``. Raises CheckpointError."""
    checkpoint = load_checkpoint(path, KIND_DELTA)
    made_for = checkpoint.training.get("sft_sha256")
    if made_for != sft.sha256:
        raise CheckpointError(f"{path}: was trained on the network {made_for}, not on {sft.sha256}")
    try:
        head = DeltaWaypointHead(**checkpoint.model)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    _load_tensors(path, head, checkpoint)
    return head.eval()


def _load_tensors(path: Path, module: nn.Module, checkpoint: Checkpoint) -> None:
    try:
        module.load_state_dict(dict(checkpoint.tensors), strict=True)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: the tensors do not fit the sizes it declares: {error}") from error
