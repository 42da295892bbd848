"""Banks hold what the sets hold, whatever the number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hw_anon.core.boxes import Box, face_region
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.bank_loading import load_face_bank, load_frame_bank
from hw_anon.data.face_boxes import FoundFace
from hw_anon.data.face_detectors import Candidate
from hw_anon.data.face_labels import FaceLabel, face_regions, found_labels
from hw_anon.data.samples import ActionBox, ActionClip, ActionSet, IdentitySample, IdentitySet
from hw_anon.nets.align import scale_points
from tests.data.trees import picture

LANDMARKS = ((12.0, 14.0), (20.0, 14.0), (16.0, 18.0), (13.0, 22.0), (19.0, 22.0))


def face(shift: float = 0.0, visible: float = 1.0) -> FaceLabel:
    return FaceLabel(box=(10 + shift, 10, 22 + shift, 26), landmarks=LANDMARKS, visible_share=visible)


class People(IdentitySet):
    """Five people with two pictures each; every picture is of one colour with a white square."""

    def __init__(self) -> None:
        samples = [IdentitySample(name=f"{i}", identity=i // 2) for i in range(10)]
        super().__init__(title="people", identities=[f"p{i}" for i in range(5)], samples=samples)

    def picture(self, index: int) -> NDArray[np.uint8]:
        pixels = picture(index, 32, 48)
        pixels[10:26, 18:30] = 255
        return pixels

    def content_hash(self, identity: int) -> str:
        return self.identities[identity]


class Clips(ActionSet):
    """Two clips of the training split and one of the test split."""

    def __init__(self, odd: bool = False) -> None:
        clips = [ActionClip(name=f"c{i}", split="test" if i == 2 else "train", frames=(1, 3, 5)) for i in range(3)]
        super().__init__(title="clips", actions=("a", "b"), clips=clips)
        self.odd = odd

    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        del clip
        if number == 3:
            return ()
        return (ActionBox(left=0.25, top=0.5, right=0.75, bottom=1, action=1),)

    def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
        return picture(int(clip.name[1:]) * 10 + number, 32, 64 if self.odd and number == 5 else 48)

    def content_hash(self, clip: ActionClip) -> str:
        return clip.name

    def faces(self, clip: ActionClip, number: int) -> tuple[FaceLabel, ...]:
        del clip
        return (face(number), face(10, visible=0.05)) if number > 1 else ()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_face_bank_holds_the_pictures_and_their_faces(threads: int) -> None:
    seen = []
    bank = load_face_bank(
        People(),
        lambda i: face(8) if i not in (2, 3) else None,
        16,
        threads=threads,
        on_progress=lambda *s: seen.append(s),
    )
    assert bank.pictures.shape == (8, 3, 16, 16)
    assert bank.pictures.dtype == torch.uint8
    assert bank.people == 4
    assert bank.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert seen == [(i, 8) for i in range(1, 9)]
    # The middle square starts at column 8 and is halved, and so is the face.
    assert bank.boxes[0].tolist() == [5, 5, 11, 13]
    assert bank.landmarks[0, 0].tolist() == [(12.5 - 8) / 2 - 0.5, 14.5 / 2 - 0.5]
    for i, index in enumerate((0, 1, 4, 5, 6, 7, 8, 9)):
        colour = torch.tensor(picture(index)[0, 0])
        assert torch.equal(bank.pictures[i, :, 0, 0], colour)
        assert (bank.pictures[i, :, 6:12, 6:10] == 255).all()


def test_chosen_pictures_alone_are_loaded() -> None:
    bank = load_face_bank(People(), lambda i: face(), 32, indices=[9, 4])
    assert bank.labels.tolist() == [1, 0]
    assert torch.equal(bank.pictures[0, :, 0, 0], torch.tensor(picture(9)[0, 0]))
    with pytest.raises(ContractError, match="no picture with a face"):
        load_face_bank(People(), lambda i: face(), 32, indices=[])


@pytest.mark.parametrize("threads", [1, 4])
def test_a_frame_bank_holds_one_split(threads: int) -> None:
    clips = Clips()
    bank = load_frame_bank(clips, clips.faces, "train", threads=threads, min_visible=0.1)
    assert bank.frames.shape == (6, 3, 32, 48)
    assert bank.clips.tolist() == [0, 0, 0, 1, 1, 1]
    assert bank.numbers.tolist() == [1, 3, 5, 1, 3, 5]
    assert [len(labels) for labels in bank.labels] == [1, 0, 1, 1, 0, 1]
    assert bank.boxes[0].tolist() == [[12, 16, 36, 32]]
    assert bank.labels[0].tolist() == [2]
    assert bank.boxes[1].shape == (0, 4)
    assert bank.regions[0] == ()
    assert bank.regions[1] == (face_region(Box(x=13, y=10, width=12, height=16), 48, 32),)
    assert torch.equal(bank.frames[4, :, 0, 0], torch.tensor(picture(13)[0, 0]))
    some = bank.subset([4, 0])
    assert torch.equal(some.frames[0], bank.frames[4])
    assert some.regions == (bank.regions[4], bank.regions[0])
    assert some.numbers.tolist() == [3, 1]


def test_frames_can_be_left_out() -> None:
    clips = Clips()
    bank = load_frame_bank(clips, clips.faces, "train", every=2, clips=clips.clips[1:2])
    assert bank.clips.tolist() == [1, 1]
    assert bank.numbers.tolist() == [1, 5]
    assert len(bank.regions[1]) == 2, "without a bound, hardly visible faces are replaced too"


def test_impossible_requests_are_refused() -> None:
    clips = Clips(odd=True)
    with pytest.raises(ContractError, match="c0: a bank holds frames of one size, got 64×32 after 48×32"):
        load_frame_bank(clips, clips.faces, "train")
    with pytest.raises(ConfigError, match="every = 0"):
        load_frame_bank(clips, clips.faces, "train", every=0)
    with pytest.raises(ConfigError, match="threads = 0"):
        load_frame_bank(clips, clips.faces, "train", threads=0)
    with pytest.raises(ConfigError, match="size = 0"):
        load_face_bank(People(), lambda i: face(), 0)


@pytest.mark.parametrize(
    "change", [{"box": (1, 1, 1, 2)}, {"visible_share": 1.1}, {"landmarks": ((float("nan"), 0.0), *LANDMARKS[1:])}]
)
def test_impossible_faces_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="FaceLabel"):
        FaceLabel(**({"box": (0, 0, 1, 1), "landmarks": LANDMARKS} | change))


def test_what_the_cache_found_becomes_labels() -> None:
    box = Box(x=3, y=4, width=10, height=12)
    found = FoundFace(candidate=Candidate(box=box, score=0.9, landmarks=LANDMARKS), confirmation=0.8)
    (label,) = found_labels([found])
    assert label.pixels() == box
    assert label.candidate().landmarks == LANDMARKS
    assert face_regions([label], 64, 64) == (face_region(box, 64, 64),)
    assert FaceLabel(box=(1.2, -0.5, 2.1, 3.0), landmarks=LANDMARKS).pixels() == Box(x=1, y=-1, width=2, height=4)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.5])
def test_a_scaled_label_counts_pixel_centres_as_alignment_does(scale: float) -> None:
    moved = face().moved(scale, -3.0, 1.0)
    scaled = scale_points(np.array(LANDMARKS), (40, 40), (round(40 * scale), round(40 * scale)))
    np.testing.assert_allclose(moved.landmarks, scaled + np.array([-3.0, 1.0]))
    assert moved.box == tuple(edge * scale + shift for edge, shift in zip(face().box, (-3, 1, -3, 1), strict=True))
