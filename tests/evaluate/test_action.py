"""What a method leaves of a film: the glue between banks, detectors and metrics, on scenes small enough to count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hw_anon.cli import main
from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.video_path import anonymise
from hw_anon.data.banks import FrameBank
from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.modified_frames import modify_bank
from hw_anon.data.samples import ActionBox, ActionClip, ActionSet
from hw_anon.evaluate.action import (
    ActionResult,
    bank_pictures,
    detect_bank,
    face_found,
    measure_detector,
    measure_fidelity,
)
from hw_anon.evaluate.baselines import Blur, Mask, Noise, Unanonymised
from hw_anon.evaluate.detection_metrics import Detections
from hw_anon.evaluate.results import read_results
from hw_anon.nets.action import ActionDetector, smoke_config

SIDE = 64
ACTIONS = ("waving", "drinking", "phoning")


@pytest.fixture
def bank() -> FrameBank:
    """Three clips of four noisy frames; the last clip shows no face, every second frame of the first shows two."""
    generator = torch.Generator().manual_seed(4)
    regions: list[tuple[Box, ...]] = []
    for frame in range(12):
        face, other = Box(x=10 + frame % 4, y=8, width=20, height=24), Box(x=24, y=20, width=30, height=30)
        regions.append(() if frame >= 8 else (face, other) if frame < 4 and frame % 2 else (face,))
    return FrameBank(
        frames=torch.randint(256, (12, 3, SIDE, SIDE), dtype=torch.uint8, generator=generator),
        boxes=tuple(torch.tensor([[5.0, 5.0, 50.0, 60.0]]) for _ in range(12)),
        labels=tuple(torch.tensor([1 + frame // 4]) for frame in range(12)),
        regions=tuple(regions),
        clips=torch.arange(12) // 4 + 7,
        numbers=torch.arange(12) % 4 + 1,
        actions=ACTIONS,
    )


@dataclass
class Counting:
    """A modifier that remembers what it was given."""

    seen: int = 0
    name: str = "counting"

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        self.seen += len(crops_u8)
        return 255 - crops_u8


@pytest.mark.parametrize("backend", [Blur(size=8), Noise(variance=0.3), Counting()], ids=lambda b: b.name)
def test_frames_are_modified_once_and_equal_the_golden_path_byte_for_byte(bank: FrameBank, backend: Any) -> None:
    modified = modify_bank(bank, backend, crop_side=32)
    for before, regions, after in zip(bank_pictures(bank), bank.regions, bank_pictures(modified), strict=True):
        golden = anonymise(before, regions, backend.modify, size=32, max_faces=2)
        assert np.array_equal(after, golden.frame)
        assert np.array_equal(after, before) == (not regions)
    faces = sum(map(len, bank.regions))
    assert not isinstance(backend, Counting) or backend.seen == 2 * faces, "once here, once by the golden path"
    assert modified.regions == bank.regions
    assert all(map(torch.equal, modified.boxes, bank.boxes))


def test_processes_make_no_difference(bank: FrameBank) -> None:
    noise, reports = Noise(variance=0.1), list[tuple[int, int]]()
    alone = modify_bank(bank, noise, crop_side=32)
    many = replace(bank, **{name: getattr(bank, name) * 9 for name in ("boxes", "labels", "regions")})
    many = replace(many, frames=bank.frames.repeat(9, 1, 1, 1), clips=torch.arange(108), numbers=torch.ones(108))
    shared = modify_bank(
        many, noise, crop_side=32, jobs=2, on_progress=lambda done, total: reports.append((done, total))
    )
    assert torch.equal(shared.frames, alone.frames.repeat(9, 1, 1, 1))
    assert reports[-1] == (72, 72)


def test_a_modifier_that_answers_wrongly_is_refused(bank: FrameBank) -> None:
    halved = SimpleNamespace(name="half", modify=lambda crops: crops[:, ::2])
    with pytest.raises(ContractError, match="half answered"):
        modify_bank(bank, halved, crop_side=32)
    with pytest.raises(ConfigError, match="jobs = 0"):
        modify_bank(bank, Mask(), crop_side=32, jobs=0)


def answers(bank: FrameBank, scores: Sequence[float], shift: Sequence[float]) -> list[Detections]:
    """The truth of each frame, moved to the right by so many widths, with a score, beside a wrong class."""
    found = []
    for boxes, labels, score, offset in zip(bank.boxes, bank.labels, scores, shift, strict=True):
        moved = boxes.double().numpy() + np.array([45.0, 0, 45.0, 0]) * offset
        names = labels.numpy() - 1
        found.append(
            Detections(
                boxes=np.concatenate([moved, moved]),
                scores=np.array([score, score / 2]),
                labels=np.concatenate([names, (names + 1) % 3]),
            )
        )
    return found


def test_map_agrees_with_pycocotools(bank: FrameBank) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="missing: pycocotools")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    generator = np.random.default_rng(3)
    found = answers(bank, generator.uniform(0, 1, 12).tolist(), [0, 0.2, 0.5, 0, 0, 0.9, 0, 0.3, 0, 0, 0.6, 0])
    result = measure_detector(found, bank, near_face=[1, 2])
    truth = coco.COCO()
    truth.dataset = {
        "images": [{"id": i + 1} for i in range(12)],
        "categories": [{"id": i + 1} for i in range(3)],
        "annotations": [
            {
                "id": i + 1,
                "image_id": i + 1,
                "category_id": int(bank.labels[i][0]),
                "bbox": [5, 5, 45, 55],
                "area": 45 * 55,
                "iscrowd": 0,
            }
            for i in range(12)
        ],
    }
    truth.createIndex()
    rows = [
        [i + 1, *d.boxes[k, :2], *(d.boxes[k, 2:] - d.boxes[k, :2]), d.scores[k], d.labels[k] + 1]
        for i, d in enumerate(found)
        for k in range(len(d.scores))
    ]
    evaluation = cocoeval.COCOeval(truth, truth.loadRes(np.array(rows)), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, -1].mean(axis=0)  # IoU 0.5, by class
    # COCO samples the curve at 101 recalls, here it is integrated.
    own = [ap.value for ap in result.per_class.values() if ap]
    assert own == pytest.approx(precision.tolist(), abs=0.02)
    assert result.subset_mean is not None
    assert result.subset_mean.value == pytest.approx(np.mean(own[1:]))
    assert 0.2 < result.mean.value < 0.95


def test_intervals_come_from_clips_not_from_frames(bank: FrameBank) -> None:
    """Frames of a clip that are all right or all wrong count as one: the interval is wider than frame by frame."""
    one_class = replace(bank, labels=(torch.tensor([1]),) * 12)
    found = answers(one_class, [0.9] * 4 + [0.8] * 4 + [0.7] * 4, [0] * 4 + [0.9] * 4 + [0] * 4)
    by_clip = measure_detector(found, one_class).mean
    by_frame = measure_detector(found, replace(one_class, clips=torch.arange(12))).mean
    assert by_clip.high - by_clip.low > by_frame.high - by_frame.low
    assert by_clip.n == 12


def test_detections_are_those_of_the_detector_frame_by_frame(bank: FrameBank) -> None:
    torch.manual_seed(0)
    detector = ActionDetector(replace(smoke_config(3), score_threshold=0.0))
    found = detect_bank(detector, bank)
    assert len(found) == 12
    for frame, answer in zip(bank.frames, found, strict=True):
        alone = detector.detect(frame[None].float() / 255)[0]
        assert len(alone.boxes) > 0
        assert answer.boxes == pytest.approx(alone.boxes.numpy(), abs=0.05)
        assert answer.scores.min() >= 0
        assert set(answer.labels.tolist()) <= {0, 1, 2}


def test_fidelity_of_the_extremes(bank: FrameBank) -> None:
    same = measure_fidelity(bank, modify_bank(bank, Unanonymised(), crop_side=32))
    black = measure_fidelity(bank, modify_bank(bank, Mask(), crop_side=32))
    identical = measure_fidelity(bank, bank)
    assert (identical.l1, identical.ssim, identical.flicker) != (None, None, None)
    assert identical.l1 and identical.ssim and identical.flicker
    assert (identical.l1.value, identical.ssim.value, identical.flicker.value) == (0, 1, 0)
    assert identical.flicker_ratio == 1
    assert identical.l1.n == sum(map(len, bank.regions))
    assert identical.flicker.n == 2, "clips with faces"
    assert black.l1 and same.l1 and black.flicker
    assert black.l1.value > 0.45 > same.l1.value
    assert black.flicker_ratio is not None
    assert black.flicker_ratio < 0.5
    with pytest.raises(ContractError, match="not of one bank"):
        measure_fidelity(bank, bank.subset(range(3)))


def test_without_faces_there_is_nothing_to_compare(bank: FrameBank) -> None:
    empty = bank.subset(range(8, 12))
    fidelity = measure_fidelity(empty, empty)
    assert (fidelity.l1, fidelity.ssim, fidelity.flicker, fidelity.flicker_ratio) == (None, None, None, None)
    assert face_found(empty, [()] * 4, lambda picture: ()) is None


def test_found_faces_are_counted_by_overlap(bank: FrameBank) -> None:
    truth = Box(x=10, y=10, width=20, height=20)
    near, far = Box(x=12, y=10, width=20, height=20), Box(x=25, y=10, width=20, height=20)
    calls: list[tuple[int, ...]] = []

    def find(picture: NDArray[np.uint8]) -> Sequence[Box]:
        calls.append(picture.shape)
        return (near,) if len(calls) % 2 else (far,)

    share = face_found(bank.subset(range(4)), [(truth,), (truth,), (), (truth, near)], find)
    assert share is not None
    assert (share.value, share.n) == (0.75, 4)
    assert calls == [(SIDE, SIDE, 3)] * 3, "frames without a face are not looked at"


class ToyClips(ActionSet):
    """Clips in which a square of the action's colour is what replaces the face."""

    near_face = (1, 2)

    def __init__(self) -> None:
        clips = [
            ActionClip(name=f"{split}{i:02}", split=split, frames=(1, 2))
            for split in ("test", "train")
            for i in range(9)
        ]
        super().__init__(title="toy clips", actions=ACTIONS, clips=clips)

    def _place(self, clip: ActionClip, number: int) -> tuple[int, int, int]:
        index = int(clip.name[-2:])
        return index % 3, 4 + 3 * (index // 3), 3 * number

    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        action, x, y = self._place(clip, number)
        left, top = x / SIDE, y / SIDE
        return (ActionBox(left=left, top=top, right=left + 40 / SIDE, bottom=top + 48 / SIDE, action=action),)

    def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
        action, x, y = self._place(clip, number)
        picture = np.full((SIDE, SIDE, 3), 40, np.uint8)
        picture[y : y + 48, x : x + 40] = 120
        picture[y + 12 : y + 28, x + 12 : x + 28, action] = 255
        return picture

    def faces(self, clip: ActionClip, number: int) -> tuple[FaceLabel, ...]:
        _, x, y = self._place(clip, number)
        left, top = x + 12.0, y + 12.0
        landmarks = ((left + 4, top + 5), (left + 11, top + 5), (left + 8, top + 8), (left + 5, top + 12))
        return (FaceLabel(box=(left, top, left + 16, top + 16), landmarks=(*landmarks, (left + 10, top + 12))),)

    def content_hash(self, clip: ActionClip) -> str:
        return clip.name


@pytest.fixture
def toy_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for a set on disk."""
    monkeypatch.setattr("hw_anon.data.synthetic.sets.open_clips", lambda directory: ToyClips())


QUICK = ("--detector", "smoke", "--batch", "6", "--learning-rate", "0.0015", "--crop-side", "32", "--face-frames", "0")


def test_the_command_trains_and_measures(toy_clips: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["train-detector", "--clips", "toy", "--out", str(tmp_path), *QUICK, "--epochs", "60"]
    assert main([*arguments, "--method", "mask", "--method", "original", "--json"]) == 0
    clear, mask = json.loads(capfd.readouterr().out)
    assert (clear["method"], mask["method"]) == ("original", "mask")
    assert clear["map50_near_face"] > mask["map50_near_face"] + 0.2, "the face tells the action"
    assert clear["map50_clear_detector"] is None
    assert mask["map50_clear_detector"] < clear["map50"]
    assert mask["l1"] > 0.2
    assert clear["l1"] < 0.01
    assert mask["train_frames"] == mask["n_frames"] == 18
    results = read_results(tmp_path)
    assert [row.method for row in results.action] == ["original", "mask"]
    assert results.action[1].near_face_classes == ("drinking", "phoning")
    assert results.action[1].clear_detector is not None
    assert (tmp_path / "detectors" / "mask" / "detector.safetensors").is_file()
    assert main([*arguments, "--method", "mask", "--json"]) == 0
    again = json.loads(capfd.readouterr().out)[0]
    assert again["map50"] == mask["map50"], "a finished training is measured again, not made again"
    assert again["training"]["seconds"] == mask["training"]["seconds"]


def test_the_command_refuses_what_it_does_not_know(
    toy_clips: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for wrong, message in (
        (["--method", "blurr-8"], "blur-8"),
        ([], "nothing to train"),
        (["--method", "mask", "--detector", "edgy"], "edge"),
        (["--method", "mask", "--warm-start", str(tmp_path / "none")], "none"),
    ):
        assert main(["train-detector", "--clips", "toy", "--out", str(tmp_path), *wrong]) != 0
        assert message in capfd.readouterr().err


def test_a_modifier_may_not_bear_a_baselines_name(
    toy_clips: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from hw_anon.nets.checkpoint import save_modifier
    from hw_anon.nets.modifier import SMOKE, JohnsonModifier

    file = tmp_path / "modifier.safetensors"
    save_modifier(file, JohnsonModifier(SMOKE), {"judges_seen": [], "seed": 2, "recipe_name": "edge"})
    arguments = ["train-detector", "--clips", "toy", "--out", str(tmp_path), *QUICK, "--epochs", "1"]
    assert main([*arguments, "--modifier", str(file), "--name", "edge"]) == 2
    assert "is the name of a baseline" in capfd.readouterr().err
    assert main([*arguments, "--modifier", str(file), "--device", "cpu", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)[0]
    assert (document["method"], document["seed"], document["learned"]) == ("ours-edge", 2, True)
    assert (tmp_path / "action" / "ours-edge@2.json").is_file()


def test_a_result_is_plain_json(bank: FrameBank) -> None:
    own = measure_detector(answers(bank, [0.9] * 12, [0] * 12), bank)
    result = ActionResult(
        method="mask",
        dataset="toy",
        seed=None,
        learned=False,
        command="hw-anon",
        train_frames=3,
        frames=12,
        clips=3,
        near_face=(),
        own=own,
        clear=None,
        faces={},
        fidelity=measure_fidelity(bank.subset(range(8, 12)), bank.subset(range(8, 12))),
        training={},
    )
    document = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert [document[f"map50{part}"] for part in ("", "_ci", "_n")] == [1.0, [1.0, 1.0], 12]
    assert document["map50_near_face"] is document["map50_clear_detector"] is None
    assert document["per_class"]["phoning"]["ap50_n"] == 4
