"""One optimisation step, eager or captured once as a CUDA graph and replayed.

The training loop sees no difference: it hands over indices and a learning rate, and reads the losses.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterable, Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.adam import adam

from ae_core.config import TrainConfig
from ae_core.data import to_float
from ae_core.model import Autoencoder
from ae_core.training import distributed
from ae_core.training.loss import Loss

_WARM_UP_STEPS = 3
"""Steps before a capture, in which libraries choose their kernels and allocate what they keep."""

_PIECE = 16384
"""Values per tensor: CUDA's optimiser gives a tensor to few multiprocessors; cut into pieces, all work."""

_AHEAD = 32
"""At most twice as many steps are queued on the device, so that Stop, which waits for them, is quick."""

_MOMENTS = ("exp_avg", "exp_avg_sq")
"""Adam's running means of gradients and of their squares."""
_EPSILON = 1e-8
"""What keeps Adam from dividing by 0; PyTorch's own."""

_CAPTURING = threading.Lock()
"""Two threads cannot capture at the same time; they can replay."""

_log = logging.getLogger(__name__)


class Step:
    """A step on a batch of images that lie on the device; one process of several takes its share of it.

    Args:
        model: on its device already; its weights change in place.
        images: uint8, shape (n, 1, 28, 28), on the same device.
        precision: of the forward and the backward pass; weights, losses and the optimiser are in float32.
    """

    def __init__(
        self, model: Autoencoder, images: Tensor, config: TrainConfig, precision: torch.dtype
    ) -> None:
        self._model = model
        self._images = images
        self._config = config
        device = images.device
        self._noise = torch.Generator(device).manual_seed(config.seed)
        # Forward and backward run on a copy in the lower precision, renewed in one call at every step:
        # casting weight by weight, as autocast does, launches dozens of kernels.
        self._copy = deepcopy(model).to(precision)
        self._parts = Loss(self._copy, config, self._noise)
        self._loss: nn.Module = self._parts
        if distributed.world_size() > 1:
            self._loss = DistributedDataParallel(self._loss)
        self._weights = _pieces(model.parameters())
        self._copied = _pieces(self._copy.parameters())
        self._gradients = _pieces(torch.zeros_like(weight) for weight in model.parameters())
        for weight, gradient in zip(self._weights, self._gradients, strict=True):
            weight.grad = gradient
        self._sums = torch.zeros(3, device=device)
        self._moments = {name: [torch.zeros_like(weight) for weight in self._weights] for name in _MOMENTS}
        self._steps = [torch.zeros((), device=device) for _ in self._weights]
        self._learning_rate: float | Tensor = config.learning_rate
        if device.type == "cuda":
            # A captured step reads it at each replay.
            self._learning_rate = torch.tensor(config.learning_rate, device=device)

    def mean_losses(self, steps: int) -> tuple[float, float, float]:
        """Loss, mse and penalty, means over the last `steps` steps, which must be all since the last call.

        Collective: processes that train together have to call it after the same step.
        """
        loss, mse, penalty = distributed.mean_over_processes(self._sums / steps).tolist()
        self._sums.zero_()
        return loss, mse, penalty

    def state(self) -> dict[str, Tensor]:
        """What the next step depends on besides the model and the step's number, as copies on the CPU."""
        return {name: torch.cat(parts).cpu() for name, parts in self._moments.items()} | {
            "noise": self._noise.get_state()
        }

    def restore(self, state: Mapping[str, Tensor], steps: int) -> None:
        """Resume after `steps` steps with what `state` gave then."""
        for name, moments in self._moments.items():
            parts = state[name].split([moment.numel() for moment in moments])
            for moment, part in zip(moments, parts, strict=True):
                moment.copy_(part)
        for done in self._steps:
            done.fill_(steps)
        self._noise.set_state(state["noise"])

    def steer(self, settings: TrainConfig) -> None:
        """Use the penalty weight and the sparsity target of these settings from the next step on."""
        self._parts.penalty_weight = settings.penalty_weight
        self._parts.sparsity_target = settings.sparsity_target

    def __call__(self, indices: Tensor, learning_rate: float) -> None:
        """One step on the images of these indices, int64 (batch,), without waiting for the device."""
        self._set_learning_rate(learning_rate)
        self._work(indices)

    def _set_learning_rate(self, learning_rate: float) -> None:
        if isinstance(self._learning_rate, Tensor):
            self._learning_rate.fill_(learning_rate)
        else:
            self._learning_rate = learning_rate

    def _work(self, indices: Tensor) -> None:
        config, copy = self._config, self._copy
        torch._foreach_copy_(self._copied, self._weights)
        copy.zero_grad()
        share = distributed.share_of(len(indices))
        loss, mse, penalty = self._loss(to_float(self._images[share.of(indices)]), share)
        loss.backward()
        new = _pieces(weight.grad for weight in copy.parameters() if weight.grad is not None)
        torch._foreach_copy_(self._gradients, new)
        if config.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._weights, config.max_grad_norm)
        self._adam()
        if config.max_decoder_norm is not None:
            bound_decoder(self._model, config.max_decoder_norm)
        self._sums += torch.stack((loss, mse, penalty)).detach()

    @torch.no_grad()
    def _adam(self) -> None:
        """Adam (Kingma and Ba, 2015), in one kernel.

        By the function beneath PyTorch's class: that one imports the compiler only to tell it not to compile,
        which takes 4 seconds and 100 MB of each process that trains.
        """
        adam(
            self._weights,
            self._gradients,
            self._moments["exp_avg"],
            self._moments["exp_avg_sq"],
            [],
            self._steps,
            fused=True,
            capturable=isinstance(self._learning_rate, Tensor),
            amsgrad=False,
            beta1=self._config.adam_beta1,
            beta2=self._config.adam_beta2,
            lr=self._learning_rate,
            weight_decay=0,
            eps=_EPSILON,
            maximize=False,
        )


class CapturedStep(Step):
    """The same step on CUDA, launched as one graph instead of some two hundred kernels.

    A batch of another size than the recipe's, as an epoch's last may be, takes an eager step.

    Raises:
        RuntimeError: if the step cannot be captured; model and noise are as they were.
    """

    def __init__(
        self, model: Autoencoder, images: Tensor, config: TrainConfig, precision: torch.dtype
    ) -> None:
        super().__init__(model, images, config, precision)
        self._indices = torch.zeros(config.batch_size, dtype=torch.int64, device=images.device)
        self._weight, self._rho = torch.zeros(2, device=images.device)
        self._parts.penalty_weight = self._weight
        if config.sparsity_target is not None:
            self._parts.sparsity_target = self._rho
        self.steer(config)
        self._calls, self._mark = 0, torch.cuda.Event()
        weights = {name: value.clone() for name, value in model.state_dict().items()}
        try:
            with _CAPTURING:
                self._graph = self._capture()
        finally:
            model.load_state_dict(weights)
            for values in (*self._moments.values(), self._steps):
                for value in values:
                    value.zero_()
            self._noise.manual_seed(config.seed)
            self._sums.zero_()

    def _capture(self) -> torch.cuda.CUDAGraph:
        # A stream of its own: graphs captured on one stream share the workspace of their matrix products,
        # and runs that train at the same time would spoil each other's sums.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._noise)
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_STEPS):
                self._work(self._indices)
            stream.synchronize()
            # A garbage collection that frees memory of the device would spoil the capture.
            gc.disable()
            try:
                graph.capture_begin(capture_error_mode="thread_local")
                try:
                    self._work(self._indices)
                finally:
                    graph.capture_end()
            finally:
                gc.enable()
        torch.cuda.current_stream().wait_stream(stream)
        return graph

    def steer(self, settings: TrainConfig) -> None:
        # The graph reads these tensors: another number needs no new capture.
        self._weight.fill_(settings.penalty_weight)
        self._rho.fill_(settings.sparsity_target or 0.0)

    def __call__(self, indices: Tensor, learning_rate: float) -> None:
        if len(indices) != len(self._indices):
            super().__call__(indices, learning_rate)
            return
        self._calls += 1
        if self._calls % _AHEAD == 0:
            self._mark.synchronize()
            self._mark.record()
        self._set_learning_rate(learning_rate)
        self._indices.copy_(indices)
        self._graph.replay()


def fastest_step(model: Autoencoder, images: Tensor, config: TrainConfig, precision: torch.dtype) -> Step:
    """A captured step on CUDA where that works, else an eager one.

    Args:
        model, images, config, precision: as for `Step`.
    """
    alone = distributed.world_size() == 1
    if alone and images.device.type == "cuda" and len(images) >= config.batch_size:
        try:
            return CapturedStep(model, images, config, precision)
        except RuntimeError as error:
            _log.warning("The step is not captured as a CUDA graph: %s", str(error).splitlines()[0])
    return Step(model, images, config, precision)


def _pieces(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Flat views that share the tensors' memory, in the same order for tensors of the same layout."""
    pieces: list[Tensor] = []
    for tensor in tensors:
        flat = tensor.detach().as_strided((tensor.numel(),), (1,))
        pieces.extend(flat.split(_PIECE) if flat.is_cuda else [flat])
    return pieces


@torch.no_grad()
def bound_decoder(model: Autoencoder, max_decoder_norm: float) -> None:
    """Scale down, in place, the weights of every decoder layer's input channel whose norm is above the bound.

    Without a bound a penalty on the code is dodged by a small code and a large decoder; bounding the first
    layer alone, whose channels are the code units, would let the later ones grow in its place.
    """
    for layer in model.decoder_convolutions:
        layer.weight.copy_(torch.renorm(layer.weight, 2, 0, max_decoder_norm))
