"""The adversarial host: finds nothing on a camera that keeps its promise, and every leak that is put into one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from host.simulated.adversary import AdversaryReport, golden_pair, run_adversary, verilated_pair
from host.simulated.adversary.marks import STAND_IN_CONFIG, detect, face_bytes, modify, twin_pictures
from host.simulated.model import ModelCamera
from hw_anon.core.box_decode import decode
from hw_anon.core.camera_abi import CameraPort
from hw_anon.core.camera_model import CameraModel
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.frame import Fault
from hw_anon.core.video_path import downscale
from hw_anon.core.video_words import TUSER, frame_beats, video_beats

CONFIG = STAND_IN_CONFIG


@pytest.mark.parametrize("faces", [0, 1, 2, 4])
def test_marks_separate_faces_from_everything_else(faces: int) -> None:
    rng = np.random.default_rng(faces)
    for _ in range(10):
        twins = twin_pictures(rng, CONFIG, faces=faces)
        model = CameraModel(CONFIG, detect=detect, modify=modify)
        model.running = True
        for picture in twins:
            model.feed(video_beats(frame_beats(picture)))
        first, second = model.take()
        assert (first.boxes, first.fault) == (second.boxes, second.fault)
        assert not face_bytes(first.frame) and not face_bytes(second.frame)
        differs = first.frame != second.frame
        assert not (first.frame[differs] < 128).any()
        raw = np.array(twins[0])
        for box in first.boxes:
            raw[box.y : box.y + box.height, box.x : box.x + box.width] = 0
        if first.fault is Fault.NONE:
            assert face_bytes(raw) == 0 and (face_bytes(twins[0]) > 0) == bool(first.boxes)
            assert differs.any() == bool(first.boxes), "twins differ in their faces"
        else:
            assert faces > CONFIG.max_faces and face_bytes(raw) == raw.size


@pytest.mark.parametrize("threshold", [0, 1, 50, 90, 99])
def test_a_lower_threshold_finds_at_least_the_same_regions(threshold: int) -> None:
    rng = np.random.default_rng(threshold)
    for _ in range(20):
        cells = [detect(downscale(picture)) for picture in twin_pictures(rng, CONFIG, faces=1)]
        assert np.array_equal(*cells), "the detector must not tell twins apart"
        size = {"max_faces": 99, "frame_width": CONFIG.width, "frame_height": CONFIG.height}
        built = decode(cells[0], threshold=CONFIG.threshold, **size).regions
        lower = decode(cells[0], threshold=threshold, **size).regions
        assert lower[: len(built)] == built


def _attack(pair: tuple[CameraPort, CameraPort], operations: int, seed: int = 1) -> AdversaryReport:
    return run_adversary("test", CONFIG, pair, operations=operations, seed=seed)


def test_the_golden_model_keeps_its_promise() -> None:
    with golden_pair() as (name, config, pair):
        report = run_adversary(name, config, pair, operations=12_000, seed=7)
    seen = report.seen
    assert report.clean and not seen.leaks
    assert seen.operations >= 12_000 and seen.faces > 5 and seen.dma_bytes > 100_000 and seen.bus_errors > 0
    assert {"with faces", "black, TOO_MANY_FACES", "black, RESET"} <= set(seen.frames)
    assert json.dumps(report.document())


def test_equal_seeds_give_equal_runs() -> None:
    documents = []
    for seed in (3, 3, 4):
        with golden_pair() as (name, config, pair):
            document = run_adversary(name, config, pair, operations=7200, seed=seed).document()
        documents.append({key: value for key, value in document.items() if key not in ("seconds", "seed")})
    assert documents[0] == documents[1] != documents[2]


class _Leaky(ModelCamera):
    """A camera with a leak that its subclass chooses."""

    def __init__(self) -> None:
        super().__init__(CONFIG, detect=detect, modify=modify)
        self.face = 0

    def send(self, beats: NDArray[np.uint32]) -> None:
        data = beats & np.uint32(0xFF)
        faces = data[(data > 80) & (data < 128)]
        self.face = int(faces[len(faces) // 3]) if len(faces) else 0
        super().send(beats)


class _OneByte(_Leaky):
    """One byte of a face in the delivered video."""

    def receive(self) -> NDArray[np.uint32]:
        words = super().receive()
        if self.face and len(words) > 7:
            words = words.copy()
            words[7] = words[7] & np.uint32(0xFFFF_FF00) | np.uint32(self.face)
            self.face = 0
        return words


class _Register(_Leaky):
    """A byte of a face in a register that is none."""

    def read(self, offset: int) -> int:
        word = super().read(offset)
        return self.face if offset == 0xF00 else word


class _Timing(_Leaky):
    """An access takes longer after a bright face."""

    def write(self, offset: int, value: int) -> None:
        super().write(offset, value)
        self.run(self.face & 1)


class _Interrupt(_Leaky):
    """The interrupt line shows a bit of a face."""

    @property
    def irq(self) -> bool:
        return super().irq or bool(self.face & 2)


class _NotBlack(_Leaky):
    """Black frames keep their first pixel."""

    def receive(self) -> NDArray[np.uint32]:
        words = super().receive()
        return np.where(words == TUSER, np.uint32(TUSER | 0x01_02_03), words).astype(np.uint32)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (_OneByte, "1 raw bytes of a face left the camera"),
        (_Register, "register 0xa0020f00 reads"),
        (_Timing, "interrupts or time differ"),
        (_Interrupt, "interrupts or time differ"),
        (_NotBlack, "is not black"),
    ],
)
def test_a_seeded_leak_is_found(kind: type[_Leaky], message: str) -> None:
    report = _attack((kind(), kind()), 9000)
    assert not report.clean
    assert any(re.search(message, leak) for leak in report.seen.leaks), report.seen.leaks


def test_a_run_without_faces_shows_nothing() -> None:
    with golden_pair() as (name, config, pair):
        assert not run_adversary(name, config, pair, operations=1, seed=1).clean


def test_a_camera_without_marks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no camera directory"), verilated_pair(tmp_path):
        pass
    document = {"camera": CONFIG.to_dict(), "networks": {"detector": {"name": "detector-s"}}}
    (tmp_path / "camera.json").write_text(json.dumps(document))
    with pytest.raises(ContractError, match="detector-s: the attack needs stand-ins"), verilated_pair(tmp_path):
        pass
    with pytest.raises(ConfigError, match="made for at most 80"):
        run_adversary("wide", replace(CONFIG, width=96), (_Leaky(), _Leaky()), operations=1, seed=1)


@contextmanager
def _rtl_pair(directory: Path, cache: Path) -> Iterator[tuple[CameraPort, CameraPort]]:
    from hls.fuzz.small_camera import build_small_camera

    build_small_camera(CONFIG, directory, cache_dir=cache)
    with verilated_pair(directory) as (_, config, pair):
        assert config == CONFIG
        yield pair


@pytest.mark.sim
def test_the_rtl_keeps_its_promise(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with _rtl_pair(tmp_path / "camera", Path(request.config.cache.mkdir("kernels"))) as pair:
        report = _attack(pair, 15_000)
        assert report.clean and report.seen.faces > 5
        for camera in pair:
            camera.reset()
        again = _attack(pair, 15_000)
        assert again.seen == report.seen
