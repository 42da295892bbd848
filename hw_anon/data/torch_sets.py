"""The real data sets as torch data sets: thin adapters, all reading and checking is done elsewhere."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from hw_anon.core.errors import ConfigError
from hw_anon.data.samples import ActionSet, IdentitySet

__all__ = ["ActionFrames", "IdentityPictures", "collate_frames"]


class IdentityPictures(Dataset):
    """Pairs `picture [3, S, S] uint8 RGB, identity int64` of an identity set."""

    def __init__(self, identities: IdentitySet, size: int) -> None:
        """Wraps a set.

        Args:
            identities: where the pictures come from.
            size: side to which the middle square of each picture is resized, bilinear with antialiasing.

        Raises:
            ConfigError: if `size` is below 1.
        """
        if size < 1:
            raise ConfigError(f"size = {size}: allowed range is 1 and above")
        self.identities = identities
        """The set behind it."""
        self.size = size
        """Side of a picture."""

    def __len__(self) -> int:
        return len(self.identities)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture = _middle_square(self.identities.picture(index))
        chw = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)
        if chw.shape[1] != self.size:
            size = (self.size, self.size)
            resized = torch.nn.functional.interpolate(chw[None].float(), size, mode="bilinear", antialias=True)[0]
            chw = resized.round().clamp(0, 255).to(torch.uint8)
        return chw.contiguous(), torch.tensor(self.identities.samples[index].identity)


class ActionFrames(Dataset):
    """Pairs `frame [3, H, W] uint8 RGB, target` of an action set, for torchvision's detectors.

    A target has `boxes` (`[N, 4]` float32, pixels), `labels` (`[N]` int64, *1 + action*: 0 is the background) and
    `frame` (`[2]` int64: index of the clip in `actions.clips`, number of the frame).
    """

    def __init__(self, actions: ActionSet, split: str) -> None:
        """Wraps the labelled frames of one split.

        Raises:
            ConfigError: if the split is neither `train` nor `test`.
        """
        self.actions = actions
        """The set behind it."""
        wanted = set(actions.of_split(split))
        self.frames = [
            (index, number) for index, clip in enumerate(actions.clips) if clip in wanted for number in clip.frames
        ]
        """Index of the clip and number of each frame."""

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        clip, number = self.frames[index]
        frame = self.actions.frame(self.actions.clips[clip], number)
        target = {
            "boxes": torch.from_numpy(frame.boxes),
            "labels": torch.from_numpy(frame.actions) + 1,
            "frame": torch.tensor([clip, number]),
        }
        return torch.from_numpy(frame.picture).permute(2, 0, 1).contiguous(), target


def collate_frames(
    batch: list[tuple[torch.Tensor, dict[str, torch.Tensor]]],
) -> tuple[list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    """Keeps frames of different sizes in lists, as torchvision's detectors take them."""
    return [frame for frame, _ in batch], [target for _, target in batch]


def _middle_square(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]
