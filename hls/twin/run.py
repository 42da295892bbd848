"""Runs a twin program in batches on the CPU: floating-point kernels that are exact because every sum is small enough.

Sums of integers below 2^24 (2^53) are exact in float32 (float64) in any order; `hls.twin.analysis` proves the bound
before the first image. Kernels that would trade exactness for speed (Winograd, bfloat16) are switched off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from hls.twin.analysis import Analysis, analyse
from hls.twin.operations import Add, Concat, Conv, MatMul, Operation, Pad, Threshold, Upsample, Window, integer_range
from hls.twin.program import TwinProgram
from hls.twin.steps import Line, fit_line
from hw_anon.core.backend import require_crops, whole_bytes
from hw_anon.core.errors import ConfigError, ContractError

__all__ = ["Twin"]

_EXACT_FLOAT32 = 1 << 24
_EXACT_FLOAT64 = 1 << 53

Kernel = Callable[..., Tensor]


class Twin:
    """The accelerator's arithmetic at software speed; equal to the hardware graph in every byte.

    Activations are `[N, ..., C]` tensors of small integers held in floats, channels last as on the streams.
    """

    name = "twin"

    def __init__(self, program: TwinProgram, *, batch: int = 16, threads: int = 1) -> None:
        """Prepares kernels for a program.

        Args:
            program: what to run.
            batch: samples computed at once; small batches stay in the processor's cache.
            threads: batches computed at the same time, each on one core.

        Raises:
            ConfigError: if `batch` or `threads` is less than 1.
            ContractError: if the program is inconsistent or its sums may exceed 2^53.
        """
        if batch < 1 or threads < 1:
            raise ConfigError(f"batch and threads must be at least 1, got {batch} and {threads}")
        self.program = program
        self._batch = batch
        self._threads = threads
        analysis = analyse(program)
        if analysis.largest_magnitude >= _EXACT_FLOAT64:
            raise ContractError(f"sums may reach {analysis.largest_magnitude}, exact arithmetic ends at 2^53")
        self._dtype = torch.float32 if analysis.largest_magnitude < _EXACT_FLOAT32 else torch.float64
        self._steps = [(_kernel(op, analysis, self._dtype), op.inputs, op.output) for op in program.operations]
        self._releases = _last_uses(program)

    def run(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """Computes the only output of the program.

        Args:
            x: `[N, H, W, C]` integers (any integer dtype) within the input's datatype.

        Returns:
            `[N, ...]` int64.

        Raises:
            ContractError: if `x` is not what the program takes or the program has several outputs.
        """
        if len(self.program.outputs) != 1:
            raise ContractError(f"the program has {len(self.program.outputs)} outputs; use run_outputs")
        return self.run_outputs(x)[0]

    def run_outputs(self, x: NDArray[Any]) -> tuple[NDArray[np.int64], ...]:
        """Computes all outputs, in graph order; arguments and errors are those of `run`."""
        self._check_input(x)
        results = [np.empty((len(x), *spec.shape[1:]), dtype=np.int64) for spec in self.program.outputs]

        def compute(start: int) -> None:
            stop = start + self._batch
            outputs = self._run_batch(torch.from_numpy(np.ascontiguousarray(x[start:stop])))
            for result, output in zip(results, outputs, strict=True):
                result[start:stop] = output.numpy()

        # One core per batch: torch's own threads meet at a barrier after every kernel and stall on a busy machine.
        single = partial(torch.set_num_threads, 1)
        with _exact_kernels(), ThreadPoolExecutor(self._threads, "twin", initializer=single) as workers:
            for _ in workers.map(compute, range(0, len(x), self._batch)):
                pass
        return tuple(results)

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Modifies face crops, as `hw_anon.core.backend.ModifierBackend` asks.

        Args:
            crops_u8: `[N, H, W, 3]` uint8.

        Returns:
            `[N, H, W, 3]` uint8.

        Raises:
            ContractError: if shape or dtype are not the network's, or the network's ends are not 8-bit images.
        """
        ends = (self.program.input, *self.program.outputs)
        if len(ends) != 2 or any(spec.datatype != "UINT8" or len(spec.shape) != 4 for spec in ends):
            described = ", ".join(f"{spec.name} {spec.datatype}{list(spec.shape)}" for spec in ends)
            raise ContractError(f"a modifier maps UINT8 images to UINT8 images; this network's ends are {described}")
        require_crops(crops_u8, self.program.input.shape[1:], backend=self.name)
        return whole_bytes(self.run(crops_u8), backend=self.name)

    def _check_input(self, x: NDArray[Any]) -> None:
        spec = self.program.input
        shape = tuple(spec.shape[1:])
        if not isinstance(x, np.ndarray) or x.dtype.kind not in "iu":
            raise ContractError(f"input must be an integer array, got {getattr(x, 'dtype', type(x))}")
        if x.shape[1:] != shape or x.ndim != len(spec.shape):
            raise ContractError(f"input must have shape [N, {', '.join(map(str, shape))}], got {list(x.shape)}")
        low, high = integer_range(spec.datatype)
        if x.size and (x.min() < low or x.max() > high):
            raise ContractError(f"input values from {x.min()} to {x.max()} do not fit {spec.datatype}")

    @torch.inference_mode()
    def _run_batch(self, x: Tensor) -> list[Tensor]:
        tensors = {self.program.input.name: x.to(self._dtype)}
        for (kernel, inputs, output), releases in zip(self._steps, self._releases, strict=True):
            tensors[output] = kernel(*(tensors[name] for name in inputs))
            for name in releases:
                del tensors[name]
        return [tensors[name].to(torch.int64) for name in self.program.output_tensors]


@contextmanager
def _exact_kernels() -> Iterator[None]:
    """Excludes kernels that are not exact, whatever the process has chosen; restores its choice at the end."""
    settings = (torch.backends.mkldnn.conv, torch.backends.mkldnn.matmul)
    before = [setting.fp32_precision for setting in settings]
    try:
        for setting in settings:
            setting.fp32_precision = "ieee"
        with torch.backends.nnpack.flags(enabled=False):
            yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value


def _last_uses(program: TwinProgram) -> list[list[str]]:
    """For each operation, the tensors that nothing needs after it."""
    kept = set(program.output_tensors)
    releases: list[list[str]] = []
    for operation in reversed(program.operations):
        names = sorted(set(operation.inputs) - kept)
        kept.update(names)
        releases.append(names)
    return releases[::-1]


def _kernel(operation: Operation, analysis: Analysis, dtype: torch.dtype) -> Kernel:
    return _KERNELS[type(operation)](operation, analysis, dtype)


def _pad(operation: Operation, _analysis: Analysis, _dtype: torch.dtype) -> Kernel:
    assert isinstance(operation, Pad)
    return _padder(operation.padding)


def _padder(padding: tuple[int, int, int, int]) -> Kernel:
    top, left, bottom, right = padding
    return lambda x: functional.pad(x, (0, 0, left, right, top, bottom))


def _window(operation: Operation, analysis: Analysis, _dtype: torch.dtype) -> Kernel:
    assert isinstance(operation, Window)
    height, width = analysis.tensors[operation.output].shape[:2]
    (sy, sx), (dy, dx) = operation.stride, operation.dilation
    taps = [(ky * dy, kx * dx) for ky in range(operation.kernel[0]) for kx in range(operation.kernel[1])]

    def kernel(x: Tensor) -> Tensor:
        rows, columns = sy * (height - 1) + 1, sx * (width - 1) + 1
        return torch.cat([x[:, y : y + rows : sy, z : z + columns : sx] for y, z in taps], dim=-1)

    return kernel


def _matmul(operation: Operation, _analysis: Analysis, dtype: torch.dtype) -> Kernel:
    assert isinstance(operation, MatMul)
    weight = torch.from_numpy(operation.weight).to(dtype)
    return lambda x: torch.matmul(x, weight)


def _conv(operation: Operation, _analysis: Analysis, dtype: torch.dtype) -> Kernel:
    assert isinstance(operation, Conv)
    top, left, bottom, right = operation.padding
    symmetric = (top, left) == (bottom, right)
    pad = _padder(operation.padding)
    weight = torch.from_numpy(operation.weight.transpose(3, 2, 0, 1).copy()).to(dtype)
    weight = weight.contiguous(memory_format=torch.channels_last)

    def kernel(x: Tensor) -> Tensor:
        x = x if symmetric else pad(x)
        y = functional.conv2d(
            x.permute(0, 3, 1, 2),
            weight,
            stride=operation.stride,
            padding=(top, left) if symmetric else 0,
            dilation=operation.dilation,
        )
        return y.permute(0, 2, 3, 1)

    return kernel


def _threshold(operation: Operation, analysis: Analysis, dtype: torch.dtype) -> Kernel:
    assert isinstance(operation, Threshold)
    facts = analysis.tensors[operation.inputs[0]]
    thresholds = np.broadcast_to(operation.thresholds, (len(facts.low), operation.thresholds.shape[1]))
    for width in (np.float32, np.float64):
        line = fit_line(thresholds, facts.low, facts.high, offset=operation.offset, dtype=width)
        if line is not None:
            return _line_kernel(line, dtype)
    return _search_kernel(thresholds, operation.offset, dtype)


def _line_kernel(line: Line, dtype: torch.dtype) -> Kernel:
    gain, shift = torch.from_numpy(line.gain), torch.from_numpy(line.shift)
    exact = torch.promote_types(dtype, gain.dtype)
    lowest, highest = (torch.from_numpy(bound).to(dtype) for bound in (line.lowest, line.highest))

    def kernel(x: Tensor) -> Tensor:
        y = torch.addcmul(shift.to(exact), x.to(exact), gain.to(exact)).floor_().to(dtype)
        return y.clamp_(lowest, highest)

    return kernel


def _search_kernel(thresholds: NDArray[np.int64], offset: int, dtype: torch.dtype) -> Kernel:
    """Binary search for thresholds on no line; in float64, which holds thresholds beyond float32's exact range."""
    boundaries = torch.from_numpy(thresholds.astype(np.float64))

    def kernel(x: Tensor) -> Tensor:
        channels = x.shape[-1]
        values = x.reshape(-1, channels).t().contiguous().to(torch.float64)
        counts = torch.searchsorted(boundaries, values, right=True)
        return (counts.t().reshape(x.shape) + offset).to(dtype)

    return kernel


def _add(_operation: Operation, _analysis: Analysis, _dtype: torch.dtype) -> Kernel:
    return torch.add


def _concat(_operation: Operation, _analysis: Analysis, _dtype: torch.dtype) -> Kernel:
    return lambda *operands: torch.cat(operands, dim=-1)


def _upsample(operation: Operation, _analysis: Analysis, _dtype: torch.dtype) -> Kernel:
    assert isinstance(operation, Upsample)
    sy, sx = operation.scale

    def kernel(x: Tensor) -> Tensor:
        n, height, width, channels = x.shape
        blocks = x[:, :, None, :, None].expand(n, height, sy, width, sx, channels)
        return blocks.reshape(n, height * sy, width * sx, channels)

    return kernel


_KERNELS: dict[type[Operation], Callable[[Operation, Analysis, torch.dtype], Kernel]] = {
    Pad: _pad,
    Window: _window,
    MatMul: _matmul,
    Conv: _conv,
    Threshold: _threshold,
    Add: _add,
    Concat: _concat,
    Upsample: _upsample,
}
