"""The torch adapters: layouts, label offsets and worker processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("PIL", reason="missing: pillow")
import torch
from torch.utils.data import DataLoader

from hw_anon.core.errors import ConfigError
from hw_anon.data.folders import FolderIdentities
from hw_anon.data.samples import ActionBox, ActionClip, ActionSet
from hw_anon.data.torch_sets import ActionFrames, IdentityPictures, collate_frames
from tests.data.trees import encoded, picture, write_file


@pytest.fixture
def people(tmp_path: Path) -> FolderIdentities:
    """Two people; the second's picture is 8×24 with a black and a white end."""
    write_file(tmp_path / "a" / "1.png", encoded(picture(1, 8, 8), "PNG"))
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16], wide[:, 16:] = (10, 20, 30), 255
    write_file(tmp_path / "b" / "1.png", encoded(wide, "PNG"))
    return FolderIdentities(tmp_path)


def test_the_middle_square_is_taken(people: FolderIdentities) -> None:
    pictures = IdentityPictures(people, 8)
    same, label = pictures[0]
    assert (same.dtype, label.item()) == (torch.uint8, 0)
    assert (same.permute(1, 2, 0).numpy() == picture(1, 8, 8)).all()
    middle, label = pictures[1]
    assert label.item() == 1
    assert middle.amax((1, 2)).tolist() == middle.amin((1, 2)).tolist() == [10, 20, 30]
    assert IdentityPictures(people, 5)[1][0].shape == (3, 5, 5)
    with pytest.raises(ConfigError, match="size = 0"):
        IdentityPictures(people, 0)


def test_workers_give_the_same(people: FolderIdentities) -> None:
    pictures = IdentityPictures(people, 4)
    alone = next(iter(DataLoader(pictures, batch_size=2)))
    shared = next(iter(DataLoader(pictures, batch_size=2, num_workers=1)))
    assert torch.equal(alone[0], shared[0])
    assert alone[1].tolist() == shared[1].tolist() == [0, 1]


class Clips(ActionSet):
    """A training clip between two test clips; the frames' heights differ."""

    def __init__(self) -> None:
        splits = ("test", "train", "test")
        clips = [ActionClip(name=str(i), split=s, frames=(2, 5)) for i, s in enumerate(splits)]
        super().__init__(title="clips", actions=("drink", "iron"), clips=clips)

    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        return (ActionBox(left=0, top=0.5, right=0.5, bottom=1, action=1),) if number == 2 else ()

    def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
        return picture(number, 10 * number, 40)

    def content_hash(self, clip: ActionClip) -> str:
        return clip.name


def test_targets_are_what_torchvision_wants() -> None:
    frames = ActionFrames(Clips(), "test")
    assert frames.frames == [(0, 2), (0, 5), (2, 2), (2, 5)]
    assert len(ActionFrames(Clips(), "train")) == 2
    frame, target = frames[2]
    assert (frame.dtype, frame.shape) == (torch.uint8, (3, 20, 40))
    assert target["boxes"].tolist() == [[0, 10, 20, 20]]
    assert target["labels"].tolist() == [2], "0 is the background"
    assert target["frame"].tolist() == [2, 2]
    assert frames[1][1]["boxes"].shape == (0, 4)


def test_frames_of_different_sizes_make_a_batch() -> None:
    frames, targets = next(iter(DataLoader(ActionFrames(Clips(), "test"), batch_size=3, collate_fn=collate_frames)))
    assert [frame.shape[1] for frame in frames] == [20, 50, 20]
    assert [len(target["labels"]) for target in targets] == [1, 0, 1]
