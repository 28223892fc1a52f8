"""Training by several processes, started by ``torchrun``: who takes part, and how they agree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

# The others wait this long for the first process, which validates and saves.
_TIMEOUT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Processes:
    """``rank`` of ``count`` processes, each with a share of every batch; the first one writes the artifacts."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Tell whether this process writes."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """Give each process of a machine a GPU of its own; a name with a number stays."""
        return f"cuda:{self.local_rank}" if name == "cuda" and self.count > 1 else name

    def check_batch(self, batch_size: int) -> None:
        """Raise ValueError unless every process gets an equal share: only then is the mean of means the mean."""
        if batch_size % self.count:
            raise ValueError(f"a batch of {batch_size} cannot be shared evenly by {self.count} processes; change it")

    def synchronised(self, model: nn.Module) -> nn.Module:
        """Wrap a model so that its gradients become the mean over all processes; alone, it stays as it is."""
        return model if self.count == 1 else DistributedDataParallel(model)


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` has started; without it, be alone.

    Raises ValueError when there are fewer GPUs than processes on this machine.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    processes = Processes(int(os.environ["RANK"]), count, int(os.environ["LOCAL_RANK"]))
    on_gpu = device.startswith("cuda")
    if on_gpu:
        if processes.local_rank >= torch.cuda.device_count():
            raise ValueError(f"{torch.cuda.device_count()} GPUs here; start no more processes (--nproc-per-node)")
        torch.cuda.set_device(processes.device(device))
    distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=_TIMEOUT)
    try:
        yield processes
    finally:
        distributed.destroy_process_group()


def reduced_precision(amp: str, device: str) -> torch.dtype | None:
    """Type of mixed-precision arithmetic, None for full precision: bfloat16, whose range needs no loss scaling.

    ``amp`` is ``auto`` (on GPUs that have bfloat16), ``on`` (on any device; raises ValueError for a GPU that lacks it)
    or ``off``.
    """
    on_gpu = device.startswith("cuda")
    able = not on_gpu or torch.cuda.is_bf16_supported(including_emulation=False)
    if amp == "on" and not able:
        raise ValueError(f"{device} has no bfloat16; train with --amp off")
    return torch.bfloat16 if able and (amp == "on" or (amp == "auto" and on_gpu)) else None
