"""Operations on the pretend device, counted: launches, transfers, and waits for the device."""

from __future__ import annotations

import functools
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

CUDA = torch.device("cuda", 0)
# Operators that launch nothing: they describe memory that is there, or set some aside.
_NO_LAUNCH = (
    "view", "_unsafe_view", "_reshape_alias", "as_strided", "permute", "t", "transpose", "slice",
    "select", "expand", "unsqueeze", "squeeze", "detach", "detach_", "alias", "split",
    "split_with_sizes", "unbind", "diagonal", "unfold", "empty", "empty_like", "empty_strided",
    "new_empty", "new_empty_strided", "lift_fresh", "set_", "resize_", "view_as_real",
)  # fmt: skip
_WAITING = ("nonzero", "_local_scalar_dense", "equal", "masked_select", "unique_dim", "_unique2")
_CONVOLUTIONS = ("convolution", "convolution_backward")
_OPTIMIZERS = ("_fused_sgd_", "_fused_adam_", "_fused_adamw_")


@dataclass
class Counts:
    """What happened on the device."""

    launches: Counter[str] = field(default_factory=Counter)  # by operator
    parts: Counter[str] = field(default_factory=Counter)  # launches by part of a step
    uploads: Counter[str] = field(default_factory=Counter)  # asynchronous ones, by line
    blocking: Counter[str] = field(default_factory=Counter)  # waits for the device, by line

    def launch(self, operator: str) -> None:
        self.launches[operator] += 1
        self.parts[_parts[-1]] += 1


_parts = ["other"]  # that are being run; autograd's own thread counts for who waits for it


def attribute(owner: object, name: str, part: str) -> None:
    """Count the launches of a function of a module or class as those of a part."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def attributed(*args: Any, **kwargs: Any) -> Any:
        _parts.append(part)
        try:
            return function(*args, **kwargs)
        finally:
            _parts.pop()

    setattr(owner, name, attributed)


# torch annotates none of TorchDispatchMode's methods.
class PretendCuda(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it tensors on the CPU are real, and those on the device have shapes alone.

    An operation on tensors of both devices raises, as on a real device. What is copied from the
    device is zeros; a single truth value read from it is true, a single number 0.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts = Counts()
        self._fake = FakeTensorMode(allow_non_fake_inputs=True)

    def __enter__(self) -> Counts:
        self._overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        self._pin_memory = torch.Tensor.pin_memory
        torch.Tensor.pin_memory = lambda tensor, *_: tensor.clone()  # type: ignore[method-assign]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self.counts

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        torch.Tensor.pin_memory = self._pin_memory  # type: ignore[method-assign]
        torch.__future__.set_overwrite_module_params_on_conversion(self._overwrite)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        on_device = [tensor for tensor in tensors if isinstance(tensor, FakeTensor)]
        target = kwargs.get("device")
        to_device = target is not None and torch.device(target).type == "cuda"
        if not on_device and not to_device:
            return func(*args, **kwargs)
        if func.namespace != "aten":
            return func(*args, **kwargs)
        name = func._schema.name.removeprefix("aten::")
        if name == "_to_copy" and on_device and target and not to_device:
            return self._download(args[0], kwargs)
        if name == "copy_" and on_device and not isinstance(args[0], FakeTensor):
            self._wait()
            return args[0]
        if name == "_local_scalar_dense":
            self._wait()
            return args[0].dtype == torch.bool or torch.zeros((), dtype=args[0].dtype).item()
        self._count(name, args, kwargs, on_device)
        if name in _OPTIMIZERS:
            _check_optimizer(name, args)
            return None
        args, kwargs = tree_map(self._without_numbers, (args, kwargs))
        with self._fake:
            results = func(*args, **kwargs)
            return _as_cudnn_lays_out(results, args) if name in _CONVOLUTIONS else results

    def _without_numbers(self, leaf: Any) -> Any:
        is_real = isinstance(leaf, torch.Tensor) and not isinstance(leaf, FakeTensor)
        return self._fake.from_tensor(leaf) if is_real else leaf

    def _count(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], on_device: list[Any]
    ) -> None:
        uploaded = name == "_to_copy" and not on_device
        if name == "copy_" and isinstance(args[1], torch.Tensor):
            uploaded = not isinstance(args[1], FakeTensor)
        if uploaded:
            quiet = kwargs.get("non_blocking") or (name == "copy_" and len(args) > 2 and args[2])
            (self.counts.uploads if quiet else self.counts.blocking)[_line()] += 1
            return
        if name in ("index", "index_put_", "index_put", "_index_put_impl_"):
            positions = [p for p in args[1] if isinstance(p, torch.Tensor)]
            if any(not isinstance(p, FakeTensor) for p in positions):
                self._wait()
            if any(p.dtype == torch.bool for p in positions):
                self._wait()  # for how many there are
        if name in _WAITING:
            self._wait()
        if name not in _NO_LAUNCH:
            self.counts.launch(name)

    def _download(self, tensor: torch.Tensor, kwargs: dict[str, Any]) -> torch.Tensor:
        if not kwargs.get("non_blocking"):
            self._wait()
        return torch.zeros(tensor.shape, dtype=kwargs.get("dtype") or tensor.dtype)

    def _wait(self) -> None:
        self.counts.blocking[_line()] += 1


def _as_cudnn_lays_out(results: Any, args: tuple[Any, ...]) -> Any:
    """Return results of a convolution with channels last where an argument has them so.

    As cuDNN does. Without it a build of PyTorch takes another layout, and gradients of weights
    would be copied once more.
    """
    images = [leaf for leaf in tree_leaves(args) if isinstance(leaf, torch.Tensor)]
    if not any(_has_channels_last(leaf) for leaf in images):
        return results
    return tree_map(
        lambda leaf: (
            leaf.contiguous(memory_format=torch.channels_last)
            if isinstance(leaf, torch.Tensor) and leaf.dim() == 4
            else leaf
        ),
        results,
    )


def _has_channels_last(tensor: torch.Tensor) -> bool:
    if tensor.dim() != 4 or tensor.is_contiguous():
        return False
    return tensor.is_contiguous(memory_format=torch.channels_last)


def _line() -> str:
    """Return the line of the project that is being run."""
    for frame in reversed(traceback.extract_stack()):
        path = frame.filename.replace("\\", "/")
        if "/rayal/" in path and "site-packages" not in path:
            return f"rayal/{path.rpartition('/rayal/')[2]}:{frame.lineno}"
    return "elsewhere"


def _check_optimizer(name: str, args: tuple[Any, ...]) -> None:
    """Raise where weights and gradients lie on different devices or differ in shape."""
    lists = [each for each in args if isinstance(each, (list, tuple)) and each]
    weights = lists[0]
    for others in lists[1:]:
        for weight, other in zip(weights, others, strict=True):
            if other.device != weight.device:
                raise RuntimeError(f"{name}: {weight.device} and {other.device} meet")
