"""`hw-anon search`: what a study is kept under, and what the frame store takes of a board first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("brevitas", reason="missing: brevitas")

from hls.camera.resources import frame_store
from hw_anon.cli.search import _frame_size, _origin
from hw_anon.cli.search_training import SearchTraining
from hw_anon.core.boards import get_board
from hw_anon.core.errors import ConfigError
from quant.search import SearchSpace


def test_a_study_is_of_one_set_teacher_training_and_measurement(tmp_path: Path) -> None:
    people, teachers = tmp_path / "people", [tmp_path / name / "modifier.safetensors" for name in "ab"]
    people.mkdir()
    (people / "people.jsonl").write_text("{}")
    for teacher in teachers:
        teacher.parent.mkdir()
        teacher.write_text(teacher.parent.name)
    space = SearchSpace()
    training = SearchTraining(people, str(teachers[0]), steps=100, batch=32, pictures=400, quick=False, device="cpu")
    names = {
        _origin(space, training),
        _origin(space, replace(training, steps=200)),
        _origin(space, replace(training, batch=16)),
        _origin(space, replace(training, pictures=200)),
        _origin(space, replace(training, quick=True)),
        _origin(space, replace(training, teacher=str(teachers[1]))),
        _origin(space, replace(training, teacher="average")),
        _origin(SearchSpace(most_blocks=1), training),
    }
    assert _origin(space, replace(training, device="cuda")) in names, "where it is trained does not matter"
    (people / "people.jsonl").write_text("{ }")
    names.add(_origin(space, training))
    assert len(names) == 9


def test_the_frame_store_is_the_cameras() -> None:
    store = frame_store(*_frame_size("320x240"), ultra=get_board("pynq-z2").uram > 0)
    assert store.bram18 == 120
    assert 18_432 * store.bram18 >= 320 * 240 * 24, "a store takes whole block RAMs"
    assert frame_store(640, 480, ultra=get_board("kv260").uram > 0).bram18 == 0
    with pytest.raises(ConfigError, match="WIDTHxHEIGHT"):
        _frame_size("320")
