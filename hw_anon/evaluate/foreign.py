"""Anonymisers of others, measured like our own: any Python callable here, an ONNX file in `onnx_modifier.py`.

A callable says what it takes by how many arguments it needs:

    def anonymise(crop):            # crop  [S, S, 3] uint8 RGB → the same shape
    def anonymise(frame, regions):  # frame [H, W, 3] uint8 RGB → the same shape

A crop is what the camera's modifier would get: the square that the region of a face was brought to. A frame is a whole
picture, and `regions` the parts of it that a modifier of crops would replace, a sequence of `Box` (`x`, `y`, `width`,
`height`; `rows` and `columns` are slices). What looks for faces by itself leaves them unread: faces that it misses stay
as they are, are judged like that, and are counted. Both get a copy, which they may change and give back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError, HwAnonError, ToolError
from hw_anon.evaluate.onnx_modifier import OnnxModifier

__all__ = [
    "CropAnonymiser",
    "ForeignFigures",
    "FrameAnonymiser",
    "count_untouched",
    "foreign_figures",
]

Picture = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignFigures:
    """What was measured, and how many faces it left as they were."""

    anonymiser: str
    """The callable or file as it was named."""
    takes: str
    """`crops` or `frames`."""
    frames: int
    """Pictures or frames."""
    faces: int
    """Faces in them."""
    untouched: int
    """Faces of which it changed nothing: no byte in the middle half of the region's sides."""

    def as_json(self) -> dict[str, Any]:
        """Returns the fields that a result has of them."""
        return {
            "anonymiser": self.anonymiser,
            "takes": self.takes,
            "n_frames": self.frames,
            "n_faces": self.faces,
            "n_untouched": self.untouched,
        }


class _Foreign:
    """What both kinds of callables share."""

    takes: str

    def __init__(self, name: str, function: Callable[..., Any], *, target: str = "") -> None:
        """Takes a callable.

        Args:
            name: name in reports.
            function: the callable.
            target: how it was named, e.g. `package.module:function`; the name if not given.
        """
        self.name = name
        """Name in reports."""
        self.target = target or name
        """How it was named."""
        self._function = function

    def _call(self, picture: Picture, *more: object) -> Picture:
        """Returns the checked answer to a copy of a picture."""
        what = f"a {self.takes[:-1]} of {picture.shape[1]}×{picture.shape[0]} pixels"
        try:
            answer = self._function(picture.copy(), *more)
        except HwAnonError:
            raise
        except Exception as exc:  # whatever code of others raises
            raise ToolError(
                f"the anonymiser {self.name} failed on {what}: {type(exc).__name__}: {exc}; --debug shows where"
            ) from exc
        return _require_answer(answer, picture.shape, name=self.name, what=what)


class CropAnonymiser(_Foreign):
    """A callable from crop to crop as a `ModifierBackend`."""

    takes = "crops"

    def modify(self, crops_u8: Picture) -> Picture:
        """Modifies `[N, S, S, 3]` uint8 crops, one after another.

        Raises:
            ContractError: if an answer is no crop of that shape.
            ToolError: if the callable fails.
        """
        return np.stack([self._call(crop) for crop in crops_u8]) if len(crops_u8) else crops_u8.copy()


class FrameAnonymiser(_Foreign):
    """A callable from frame and regions to frame as a `FrameBackend`."""

    takes = "frames"

    def modify_frame(self, frame_u8: Picture, regions: Sequence[Box]) -> Picture:
        """Anonymises a `[H, W, 3]` uint8 RGB frame, see `FrameBackend`.

        Raises:
            ContractError: if the answer is no frame of that shape.
            ToolError: if the callable fails.
        """
        return self._call(frame_u8, tuple(regions))

    def modify(self, crops_u8: Picture) -> Picture:
        """Refuses crops, which it does not take.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"the anonymiser {self.name} takes frames, not {len(crops_u8)} crops")


def _require_answer(answer: object, shape: tuple[int, ...], *, name: str, what: str) -> Picture:
    """Returns an anonymiser's answer if it is a picture of the right form, as an array of its own.

    Args:
        answer: what it returned.
        shape: `(H, W, 3)` of what it was given.
        name: its name.
        what: what it was given, for the message.

    Raises:
        ContractError: if type, dtype or shape are wrong.
    """
    wanted = f"expected a uint8 array of shape {list(shape)}, RGB"
    if not isinstance(answer, np.ndarray):
        raise ContractError(f"the anonymiser {name} answered {type(answer).__name__} to {what}; {wanted}")
    if answer.dtype != np.uint8:
        remedy = " (bring it to 0..255, round and clip it)" if np.issubdtype(answer.dtype, np.floating) else ""
        raise ContractError(f"the anonymiser {name} answered {answer.dtype} to {what}; {wanted}{remedy}")
    if answer.shape != shape:
        raise ContractError(f"the anonymiser {name} answered shape {list(answer.shape)} to {what}; {wanted}")
    return answer.copy()


def count_untouched(
    before: Sequence[Picture], after: Sequence[Picture], regions: Sequence[Sequence[Box]]
) -> tuple[int, int]:
    """Returns how many faces there are, and of how many nothing was changed.

    Args:
        before: `[H, W, 3]` uint8 each, the originals.
        after: the same, anonymised.
        regions: regions of the faces in each.
    """
    faces = untouched = 0
    for old, new, listed in zip(before, after, regions, strict=True):
        for region in listed:
            middle = Box(
                x=region.x + region.width // 4,
                y=region.y + region.height // 4,
                width=max(1, region.width // 2),
                height=max(1, region.height // 2),
            )
            faces += 1
            untouched += np.array_equal(old[middle.rows, middle.columns], new[middle.rows, middle.columns])
    return faces, untouched


def foreign_figures(
    backend: object, before: Sequence[Picture], after: Sequence[Picture], regions: Sequence[Sequence[Box]]
) -> ForeignFigures | None:
    """Returns the figures of an anonymiser of others, `None` of one of our own; arguments as of `count_untouched`."""
    if not isinstance(backend, CropAnonymiser | FrameAnonymiser | OnnxModifier):
        return None
    faces, untouched = count_untouched(before, after, regions)
    return ForeignFigures(
        anonymiser=backend.target, takes=backend.takes, frames=len(before), faces=faces, untouched=untouched
    )
