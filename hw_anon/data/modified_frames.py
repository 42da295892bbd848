"""Frames as a camera with some modifier would deliver them: every face region cropped, modified and pasted back.

It is the golden video path (`hw_anon.core.video_path`), run once over a whole bank of frames: what is trained or
measured afterwards sees the same bytes in every epoch, and the modifier is not run again.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice, repeat
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from hw_anon.core.backend import ModifierBackend
from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.video_path import crop_resize, paste
from hw_anon.data.banks import FrameBank

__all__ = ["FrameBackend", "modify_bank"]

_CHUNK = 32
_Frames = NDArray[np.uint8]
_Regions = Sequence[Sequence[Box]]


@runtime_checkable
class FrameBackend(Protocol):
    """What anonymises whole frames and not crops; it may look for the faces itself."""

    @property
    def name(self) -> str:
        """Name in reports."""

    def modify_frame(self, frame_u8: _Frames, regions: Sequence[Box]) -> _Frames:
        """Anonymises a frame.

        Args:
            frame_u8: `[H, W, 3]` uint8 RGB; not changed.
            regions: the parts of it that a modifier of crops would replace.

        Returns:
            `[H, W, 3]` uint8 RGB, the whole frame.
        """


def modify_bank(
    bank: FrameBank,
    backend: ModifierBackend,
    *,
    crop_side: int,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> FrameBank:
    """Modifies the face regions of all frames; frames without one stay as they are.

    A `FrameBackend` gets every frame, those without a face as well: it may see one there.

    Args:
        bank: the frames, on the CPU; not changed.
        backend: the modifier. With several jobs it is sent to other processes: the hand-made baselines can be, what
            holds a network on a GPU should stay in one.
        crop_side: side of the square crops that the modifier takes.
        jobs: processes; the result does not depend on it. A `FrameBackend` always runs in this one.
        on_progress: called with the number of frames done and the number of frames to be done.

    Raises:
        ConfigError: if `jobs` is below 1.
        ContractError: if a region is not inside its frame, or the modifier answers with another shape or dtype.
    """
    if jobs < 1:
        raise ConfigError(f"jobs = {jobs}: allowed range is 1 and above")
    if isinstance(backend, FrameBackend):
        return _modify_whole(bank, backend, on_progress)
    shown = [index for index, regions in enumerate(bank.regions) if regions]
    frames = bank.frames.clone()
    chunks = [shown[start : start + _CHUNK] for start in range(0, len(shown), _CHUNK)]
    inputs = ((bank.frames[chunk].numpy(), [bank.regions[i] for i in chunk]) for chunk in chunks)
    done = 0
    for chunk, modified in zip(chunks, _map(inputs, backend, crop_side, min(jobs, len(chunks))), strict=True):
        frames[chunk] = torch.from_numpy(modified)
        done += len(chunk)
        if on_progress:
            on_progress(done, len(shown))
    return replace(bank, frames=frames)


def _modify_whole(bank: FrameBank, backend: FrameBackend, on_progress: Callable[[int, int], None] | None) -> FrameBank:
    frames = bank.frames.clone()
    for index, regions in enumerate(bank.regions):
        frame = np.ascontiguousarray(bank.frames[index].permute(1, 2, 0).numpy())
        modified = backend.modify_frame(frame, regions)
        frames[index] = torch.from_numpy(np.ascontiguousarray(modified.transpose(2, 0, 1)))
        if on_progress:
            on_progress(index + 1, len(bank))
    return replace(bank, frames=frames)


def _map(
    inputs: Iterator[tuple[_Frames, _Regions]], backend: ModifierBackend, crop_side: int, jobs: int
) -> Iterator[_Frames]:
    if jobs <= 1:
        yield from map(_modify, inputs, repeat(backend), repeat(crop_side))
        return
    # Fresh processes: a fork of one that has started threads or a GPU may hang.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        while window := list(islice(inputs, 4 * jobs)):
            yield from pool.map(_modify, window, repeat(backend), repeat(crop_side))


def _modify(chunk: tuple[_Frames, _Regions], backend: ModifierBackend, crop_side: int) -> _Frames:
    """Modifies `[N, 3, H, W]` frames that all have a region, with one call of the modifier."""
    frames, regions = np.ascontiguousarray(chunk[0].transpose(0, 2, 3, 1)), chunk[1]
    owners = [(index, region) for index, listed in enumerate(regions) for region in listed]
    crops = np.stack([crop_resize(frames[index], region, crop_side) for index, region in owners])
    modified = backend.modify(crops)
    if modified.shape != crops.shape or modified.dtype != np.uint8:
        raise ContractError(f"{backend.name} answered {modified.dtype} {list(modified.shape)} to {list(crops.shape)}")
    for (index, region), crop in zip(owners, modified, strict=True):
        frames[index] = paste(frames[index], region, crop)
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
