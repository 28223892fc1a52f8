"""What a training run must remember so that a resumed run ends with the same bits as one that never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from training.models.checkpoint import CheckpointError, load_plain, save_atomically

SFT_STATE = "waypilot.sft_state/1"
PRETRAIN_STATE = "waypilot.pretrain_state/1"
# These say where and how fast to compute, not what.
_FREE_KEYS = frozenset({"out_dir", "num_workers", "cache_gib", "val_every_steps"})


def save_state(
    path: Path, kind: str, config: Mapping[str, Any], data_sha256: str, step: int, parts: Mapping[str, Any]
) -> None:
    """Write the state after ``step`` steps of a ``kind`` of run. ``parts`` are state dicts of models and optimiser.

    The order of data and the augmentation follow from seed and step; the global generator serves nothing else today,
    and is kept so that a layer with random numbers stays resumable.
    """
    payload = {
        "format": kind,
        "config": dict(config),
        "data_sha256": data_sha256,
        "step": step,
        "torch_rng": torch.get_rng_state(),
        "parts": dict(parts),
    }
    save_atomically(path, payload)


def load_state(path: Path, kind: str, config: Mapping[str, Any], data_sha256: str) -> tuple[int, dict[str, Any]]:
    """Read the step count and the parts, and restore the global generator.

    Raises CheckpointError when the file is damaged or belongs to another kind of run, configuration or data.
    """
    payload = load_plain(path)
    if not isinstance(payload, dict) or payload.get("format") != kind:
        raise CheckpointError(f"{path}: is no training state of format {kind!r}")
    changed = [key for key in config if key not in _FREE_KEYS and config[key] != payload["config"].get(key)]
    if changed:
        raise CheckpointError(f"{path}: was written with other {', '.join(changed)}; resume with the same settings")
    if payload["data_sha256"] != data_sha256:
        raise CheckpointError(f"{path}: was written with other episodes; resume with the same ones or start anew")
    torch.set_rng_state(payload["torch_rng"])
    return payload["step"], payload["parts"]
