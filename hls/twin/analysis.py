"""Static proof about a twin program: shapes fit, no value leaves its datatype, and how large accumulators become.

Ranges are propagated per channel from the input's datatype through every operation. They are what makes the fast
kernels of `hls.twin.run` exact by construction rather than by luck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hls.twin.operations import (
    Add,
    Concat,
    Conv,
    MatMul,
    Operation,
    Pad,
    Threshold,
    Upsample,
    Window,
    integer_range,
)
from hls.twin.program import TwinProgram
from hw_anon.core.errors import ContractError

__all__ = ["Analysis", "TensorFacts", "analyse"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TensorFacts:
    """What is known about a tensor before anything runs."""

    shape: tuple[int, ...]
    """Shape of one sample, without the batch."""
    low: Ints
    """`[C]`, smallest possible value per channel of the last axis."""
    high: Ints
    """`[C]`, largest possible value per channel."""

    @property
    def magnitude(self) -> int:
        """Largest absolute value."""
        return int(max(np.abs(self.low).max(), np.abs(self.high).max()))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Analysis:
    """Facts about all tensors of a program."""

    tensors: dict[str, TensorFacts]
    """By tensor name."""
    largest_magnitude: int
    """Bound on every value and every partial sum, in any order of summation."""


def analyse(program: TwinProgram) -> Analysis:
    """Checks a program and returns what is known about its tensors.

    Raises:
        ContractError: if an operation reads a tensor that does not exist, shapes do not fit, an operation's result
            can leave the datatype that the hardware declares, or an output is not what its specification says.
    """
    low, high = integer_range(program.input.datatype)
    channels = program.input.shape[-1]
    source = TensorFacts(shape=tuple(program.input.shape[1:]), low=np.full(channels, low), high=np.full(channels, high))
    tensors = {program.input.name: source}
    largest = source.magnitude
    for operation in program.operations:
        missing = [name for name in operation.inputs if name not in tensors]
        if missing:
            raise ContractError(f"{operation.node} reads {missing[0]}, which nothing before it writes")
        operands = [tensors[name] for name in operation.inputs]
        facts, partial = _RULES[type(operation)](operation, operands)
        _require_fits(operation.node, operation.datatype, facts)
        tensors[operation.output] = facts
        largest = max(largest, facts.magnitude, partial)
    for spec, name in zip(program.outputs, program.output_tensors, strict=True):
        if name not in tensors:
            raise ContractError(f"output {spec.name} is written by no operation")
        if tensors[name].shape != tuple(spec.shape[1:]):
            raise ContractError(f"output {spec.name} has shape {tensors[name].shape}, specified {spec.shape[1:]}")
        _require_fits(f"output {spec.name}", spec.datatype, tensors[name])
    return Analysis(tensors=tensors, largest_magnitude=largest)


def _require_fits(what: str, datatype: str, facts: TensorFacts) -> None:
    low, high = integer_range(datatype)
    if facts.low.min() < low or facts.high.max() > high:
        raise ContractError(
            f"{what}: values from {facts.low.min()} to {facts.high.max()} do not fit its datatype {datatype} "
            f"({low} to {high}); the hardware would wrap"
        )


def _require(condition: bool, operation: Operation, message: str) -> None:
    if not condition:
        raise ContractError(f"{operation.node} ({type(operation).__name__}): {message}")


def _dot_range(weight: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints, int]:
    """Ranges of `x @ weight` for `low <= x <= high`, and the bound on any partial sum."""
    positive, negative = np.maximum(weight, 0), np.minimum(weight, 0)
    magnitude = np.maximum(np.abs(low), np.abs(high))
    partial = int((magnitude @ np.abs(weight)).max())
    return low @ positive + high @ negative, high @ positive + low @ negative, partial


Rule = tuple[TensorFacts, int]


def _pad(operation: Operation, operands: list[TensorFacts]) -> Rule:
    assert isinstance(operation, Pad)
    (x,) = operands
    _require(len(x.shape) == 3, operation, f"needs an H, W, C tensor, got shape {x.shape}")
    top, left, bottom, right = operation.padding
    shape = (x.shape[0] + top + bottom, x.shape[1] + left + right, x.shape[2])
    return TensorFacts(shape=shape, low=np.minimum(x.low, 0), high=np.maximum(x.high, 0)), 0


def _window_shape(operation: Window | Conv, shape: tuple[int, ...], kernel: tuple[int, int]) -> tuple[int, int]:
    _require(len(shape) == 3, operation, f"needs an H, W, C tensor, got shape {shape}")
    extents = []
    for size, taps, stride, dilation in zip(shape[:2], kernel, operation.stride, operation.dilation, strict=True):
        extents.append((size - dilation * (taps - 1) - 1) // stride + 1)
    _require(min(extents) > 0, operation, f"kernel {kernel} is larger than its input {shape}")
    return extents[0], extents[1]


def _window(operation: Operation, operands: list[TensorFacts]) -> Rule:
    assert isinstance(operation, Window)
    (x,) = operands
    taps = operation.kernel[0] * operation.kernel[1]
    extents = _window_shape(operation, x.shape, operation.kernel)
    shape = (*extents, taps * x.shape[-1])
    return TensorFacts(shape=shape, low=np.tile(x.low, taps), high=np.tile(x.high, taps)), 0


def _matmul(operation: Operation, operands: list[TensorFacts]) -> Rule:
    assert isinstance(operation, MatMul)
    (x,) = operands
    rows, columns = operation.weight.shape
    _require(x.shape[-1] == rows, operation, f"matrix has {rows} rows, input {x.shape[-1]} channels")
    low, high, partial = _dot_range(operation.weight, x.low, x.high)
    return TensorFacts(shape=(*x.shape[:-1], columns), low=low, high=high), partial


def _conv(operation: Operation, operands: list[TensorFacts]) -> Rule:
    assert isinstance(operation, Conv)
    (x,) = operands
    kh, kw, channels, columns = operation.weight.shape
    _require(len(x.shape) == 3 and x.shape[-1] == channels, operation, f"weights {operation.weight.shape}, {x.shape}")
    top, left, bottom, right = operation.padding
    padded = (x.shape[0] + top + bottom, x.shape[1] + left + right, channels)
    extents = _window_shape(operation, padded, (kh, kw))
    low, high = (np.minimum(x.low, 0), np.maximum(x.high, 0)) if any(operation.padding) else (x.low, x.high)
    matrix = operation.weight.reshape(kh * kw * channels, columns)
    low, high, partial = _dot_range(matrix, np.tile(low, kh * kw), np.tile(high, kh * kw))
    return TensorFacts(shape=(*extents, columns), low=low, high=high), partial


def _threshold(operation: Operation, operands: list[TensorFacts]) -> Rule:
    assert isinstance(operation, Threshold)
    (x,) = operands
    rows = operation.thresholds.shape[0]
    _require(rows in (1, x.shape[-1]), operation, f"thresholds for {rows} channels, input has {x.shape[-1]}")
    ascending = bool(np.all(np.diff(operation.thresholds, axis=1) >= 0))
    _require(ascending, operation, "thresholds are not in ascending order")
    low = operation.offset + (operation.thresholds <= x.low[:, None]).sum(axis=1)
    high = operation.offset + (operation.thresholds <= x.high[:, None]).sum(axis=1)
    return TensorFacts(shape=x.shape, low=low, high=high), 0


def _add(operation: Operation, operands: list[TensorFacts]) -> Rule:
    assert isinstance(operation, Add)
    _require(len(operands) == 2, operation, f"adds two tensors, got {len(operands)}")
    a, b = operands
    _require(a.shape == b.shape, operation, f"operands have shapes {a.shape} and {b.shape}")
    return TensorFacts(shape=a.shape, low=a.low + b.low, high=a.high + b.high), 0


def _concat(operation: Operation, operands: list[TensorFacts]) -> Rule:
    assert isinstance(operation, Concat)
    _require(len({x.shape[:-1] for x in operands}) == 1, operation, f"shapes {[x.shape for x in operands]}")
    low, high = (np.concatenate([getattr(x, side) for x in operands]) for side in ("low", "high"))
    return TensorFacts(shape=(*operands[0].shape[:-1], len(low)), low=low, high=high), 0


def _upsample(operation: Operation, operands: list[TensorFacts]) -> Rule:
    assert isinstance(operation, Upsample)
    (x,) = operands
    _require(len(x.shape) == 3, operation, f"needs an H, W, C tensor, got shape {x.shape}")
    height, width = operation.scale
    return TensorFacts(shape=(x.shape[0] * height, x.shape[1] * width, x.shape[2]), low=x.low, high=x.high), 0


_RULES: dict[type[Operation], Callable[[Operation, list[TensorFacts]], Rule]] = {
    Pad: _pad,
    Window: _window,
    MatMul: _matmul,
    Conv: _conv,
    Threshold: _threshold,
    Add: _add,
    Concat: _concat,
    Upsample: _upsample,
}
