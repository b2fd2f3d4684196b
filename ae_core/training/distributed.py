"""Training one model in several processes that torchrun started: which part of a batch belongs to this one.

Every process takes its images of the batch and DistributedDataParallel averages the gradients, so a process's
loss is its part of the whole batch's loss times the world size, the number of processes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from uuid import uuid4

import torch
import torch.distributed as dist
from torch import Tensor


class Share(NamedTuple):
    """The images of a batch that one process works on: every `size`-th, from the `rank`-th on.

    Interleaved, so that the first images of a batch, those that are probed, spread over all processes.
    """

    images: int
    """In the whole batch."""
    rank: int = 0
    size: int = 1

    def of(self, batch: Tensor, dim: int = 0) -> Tensor:
        """This process's part of something that has one entry for each image along a dimension."""
        if self.size == 1:
            return batch
        own = torch.arange(self.rank, batch.shape[dim], self.size, device=batch.device)
        return batch.index_select(dim, own)

    def part_of_mean(self, own_sum: Tensor, count: int) -> Tensor:
        """The own values' part of a mean over `count` values, times the world size."""
        return own_sum * (self.size / count)

    def mean_over_batch(self, own: Tensor) -> Tensor:
        """The mean over the whole batch's images (n, ...), in every process; differentiable by its own part.

        Collective: all processes have to call it.
        """
        if self.size == 1:
            return own.mean(0)
        own_sum = own.sum(0)
        total = own_sum.detach().clone()
        dist.all_reduce(total)
        # The other processes' part is a constant here; the gradients' mean needs this one's `size` times.
        return (total + self.size * (own_sum - own_sum.detach())) / self.images


def rank() -> int:
    """The rank of this process; 0 writes and speaks for all."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many processes train one model together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def share_of(count: int) -> Share:
    """This process's share of a batch of `count` images."""
    return Share(count, rank(), world_size())


def mean_over_processes(values: Tensor) -> Tensor:
    """The mean over processes of their values, of any shape. Collective: all processes have to call it."""
    if world_size() > 1:
        dist.all_reduce(values)
        values /= world_size()
    return values


def broadcast(tensors: dict[str, Tensor]) -> None:
    """Overwrite every process's tensors by those of process 0. Collective: all have to call it."""
    for tensor in tensors.values():
        dist.broadcast(tensor, 0)


def place_in_launch() -> tuple[int, int]:
    """Rank and world size as torchrun set them, also without a process group; 0 and 1 without torchrun."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def use_own_device() -> None:
    """Give each process of a machine a CUDA device of its own; where they are too few, processes share."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def store_of_this_start(store: dist.Store, rank: int, size: int) -> dist.Store:
    """The part of torchrun's store into which only the processes of this start write, no earlier ones.

    torchrun keeps its store when it starts processes again: the addresses of killed ones are still in it, and
    its count of restarts differs from node to node (https://github.com/pytorch/pytorch/issues/135712).
    So every process but the first asks under a name never used before, and process 0 answers all with one
    new name until each has got it.
    """
    if rank > 0:
        question = uuid4().hex
        store.set(f"question of {rank}", question)
        start = store.get(f"answer to {question}").decode()
        store.set(f"{start} reached {rank}", "")
        return dist.PrefixStore(start, store)
    start = uuid4().hex
    others = set(range(1, size))
    while others:
        for other in others:
            store.set(f"answer to {store.get(f'question of {other}').decode()}", start)
        time.sleep(0.01)
        others = {other for other in others if not store.check([f"{start} reached {other}"])}
    return dist.PrefixStore(start, store)


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that torchrun started; alone, this does nothing."""
    if not dist.is_torchelastic_launched():
        yield
        return
    use_own_device()
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    store, rank, size = next(dist.rendezvous("env://"))
    dist.init_process_group(backend, store=store_of_this_start(store, rank, size), rank=rank, world_size=size)
    try:
        yield
    finally:
        dist.destroy_process_group()
