"""A network of others in an ONNX file, from crop to crop, run by ONNX Runtime on one thread.

It has one input and one output of one shape, `[N, 3, S, S]` or `[N, S, S, 3]`, RGB. A size that the file leaves open is
the caller's. Values are uint8, or float in a range that must be said: the file cannot say it by its types, and a wrong
guess would measure another anonymiser. It is said by option, or by the file's metadata (`hw_anon.values`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import require_crops
from hw_anon.core.errors import ConfigError, ContractError, ToolError

__all__ = ["VALUES_KEY", "OnnxModifier", "ValueRange"]

VALUES_KEY = "hw_anon.values"
"""Key of the file's metadata that holds the range of its values, written like the option."""

_BATCH = 16
_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:,({_NUMBER})\.\.({_NUMBER}))?")
_DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(float16)": np.float16}


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueRange:
    """What black and white are to a network."""

    taken: tuple[float, float]
    """Black and white of its input."""
    given: tuple[float, float]
    """Black and white of its output."""

    @classmethod
    def parse(cls, text: str) -> ValueRange:
        """Reads `LOW..HIGH`, or `LOW..HIGH,LOW..HIGH` where output differs from input.

        Raises:
            ConfigError: if it is neither, or empty.
        """
        if (found := _RANGE.fullmatch(text.strip())) is None:
            raise ConfigError(f"range of values {text!r}: expected LOW..HIGH, e.g. 0..1 or -1..1,0..1 (input, output)")
        taken = float(found[1]), float(found[2])
        given = taken if found[3] is None else (float(found[3]), float(found[4]))
        if taken[0] >= taken[1] or given[0] >= given[1]:
            raise ConfigError(f"range of values {text!r}: the first number must be below the second")
        return cls(taken=taken, given=given)


class OnnxModifier:
    """An ONNX file as a `ModifierBackend`."""

    takes = "crops"

    def __init__(self, file: Path, *, crop_side: int, name: str | None = None, values: str | None = None) -> None:
        """Loads a network.

        Args:
            file: the ONNX file.
            crop_side: side of its crops, where the file leaves it open.
            name: name in reports; the file's if not given.
            values: range of its values, see `ValueRange.parse`; that of its metadata if not given.

        Raises:
            ConfigError: if the range of a float network is not said.
            ContractError: if the file is missing or damaged, or holds no network of crops.
            ToolError: if ONNX Runtime is missing.
        """
        self.name = name or file.stem
        """Name in reports."""
        self.target = str(file)
        """How it was named."""
        self._session = _session(file)
        (taken,), (given,) = self._session.get_inputs(), self._session.get_outputs()
        self._input = taken.name
        self._channels_first, side = _layout(file, taken.shape)
        if _layout(file, given.shape) != (self._channels_first, side):
            raise ContractError(f"{file}: its output has shape {given.shape}, its input {taken.shape}; expected one")
        self.crop_side = side or crop_side
        """Side of the crops in pixels."""
        self._batch = taken.shape[0] if isinstance(taken.shape[0], int) else _BATCH
        self._types = tuple(_dtype(file, end.type) for end in (taken, given))
        said = values or self._session.get_modelmeta().custom_metadata_map.get(VALUES_KEY)
        if said is None and any(kind != np.uint8 for kind in self._types):
            raise ConfigError(
                f"{file} takes {taken.type} and gives {given.type}: say what black and white are, e.g. "
                f"--onnx-values 0..1 or -1..1,0..1 (input, output), or in its metadata as {VALUES_KEY}"
            )
        self._values = ValueRange.parse(said or "0..255")

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Modifies `[N, S, S, 3]` uint8 crops.

        Raises:
            ContractError: if the crops are of another shape, or the answer is no picture in the range that was said.
            ToolError: if ONNX Runtime fails.
        """
        require_crops(crops_u8, (self.crop_side, self.crop_side, 3), backend=self.name)
        out = np.empty_like(crops_u8)
        for start in range(0, len(crops_u8), self._batch):
            batch = crops_u8[start : start + self._batch]
            # A file with a fixed batch gets it whole: copies of the last crop fill it.
            full = np.concatenate([batch, np.repeat(batch[-1:], self._batch - len(batch), axis=0)])
            out[start : start + len(batch)] = self._run(full)[: len(batch)]
        return out

    def _run(self, batch: NDArray[np.uint8]) -> NDArray[np.uint8]:
        low, high = self._values.taken
        taken = batch.transpose(0, 3, 1, 2) if self._channels_first else batch
        if self._types[0] != np.uint8:
            taken = (taken / 255.0 * (high - low) + low).astype(self._types[0])
        try:
            (answer,) = self._session.run(None, {self._input: np.ascontiguousarray(taken)})
        except Exception as exc:  # ONNX Runtime's own errors share no base class
            raise ToolError(f"ONNX Runtime failed on {self.target}: {str(exc).splitlines()[0]}") from exc
        if answer.shape != taken.shape:
            raise ContractError(f"{self.name} answered shape {list(answer.shape)} to {list(taken.shape)}")
        given = answer if answer.dtype == np.uint8 else self._bytes(answer)
        return given.transpose(0, 2, 3, 1) if self._channels_first else given

    def _bytes(self, answer: NDArray[Any]) -> NDArray[np.uint8]:
        """Brings values to bytes, rounded half up; a little too much is clipped, far too much refused."""
        low, high = self._values.given
        levels = (answer.astype(np.float64) - low) / (high - low)
        if not np.isfinite(levels).all():
            raise ContractError(f"{self.name} answered values that are no numbers")
        if levels.min() < -1 or levels.max() > 2:
            found = f"{answer.min():g} to {answer.max():g}"
            raise ContractError(
                f"{self.name} answered values from {found}, far outside {low:g}..{high:g}; say its range: --onnx-values"
            )
        return np.clip(np.floor(levels * 255 + 0.5), 0, 255).astype(np.uint8)


def _session(file: Path) -> Any:
    if not file.is_file():
        raise ContractError(f"{file}: there is no such file")
    try:
        import onnxruntime
    except ImportError as exc:
        raise ToolError("an ONNX file needs ONNX Runtime; install it with: pip install onnxruntime") from exc
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # ONNX Runtime's own errors share no base class
        raise ContractError(f"{file}: ONNX Runtime cannot load it ({str(exc).splitlines()[0]})") from exc
    if (len(session.get_inputs()), len(session.get_outputs())) != (1, 1):
        raise ContractError(
            f"{file}: expected one input and one output; put a function around it (package.module:name)"
        )
    return session


def _layout(file: Path, shape: Sequence[int | str | None]) -> tuple[bool, int | None]:
    """Returns whether channels come first, and the side of its pictures, `None` if the file leaves it open."""
    if len(shape) == 4 and (shape[1] == 3) != (shape[3] == 3):
        sides = tuple(shape[2:]) if shape[1] == 3 else tuple(shape[1:3])
        fixed = [side for side in sides if isinstance(side, int)]
        if not fixed or (len(fixed) == 2 and fixed[0] == fixed[1]):
            return shape[1] == 3, fixed[0] if fixed else None
    raise ContractError(
        f"{file}: expected pictures of shape [N, 3, S, S] or [N, S, S, 3], got {list(shape)}; put a function around it "
        "(package.module:name) that brings crops to its shape and back"
    )


def _dtype(file: Path, name: str) -> Any:
    if name not in _DTYPES:
        raise ContractError(f"{file}: its values are {name}; expected one of {', '.join(_DTYPES)}")
    return _DTYPES[name]
