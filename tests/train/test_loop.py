"""The whole loop: phases train whom they should, and a run that stops and goes on is the run that did not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.train.log import LOG_FILE, read_log
from hw_anon.train.loop import STATE_FILE, Training
from hw_anon.train.schedule import Phase
from tests.train.setting import recipe, training, with_published


def _run(run: Training, **arguments: Any) -> bool:
    return run.run(tensorboard=False, **arguments)


def _log(directory: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in entry.items() if k != "steps_per_s"} for entry in read_log(directory / LOG_FILE)]


def _weights(run: Training) -> dict[str, torch.Tensor]:
    modules = run.table.players.modules()
    return {f"{name}/{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}


def test_each_phase_trains_its_players(tmp_path: Path) -> None:
    run = training(tmp_path)
    expected = {
        Phase.MODIFIER_WARMUP: {"modifier"},
        Phase.CLASSIFIER_WARMUP: {"classifier0"},
        Phase.DETECTOR_WARMUP: {"detector"},
        Phase.GAME: {"modifier", "classifier0", "detector"},
        Phase.FINETUNE: {"detector"},
    }
    for step in range(run.schedule.total):
        before = {key: value.clone() for key, value in _weights(run).items()}
        run.one_step()
        moved = {key.partition("/")[0] for key, value in _weights(run).items() if not torch.equal(value, before[key])}
        assert moved == expected[run.schedule.at(step).phase], step


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    changed = with_published(game={"restart_every": 2, "restart_steps": 1, "classifier_steps": 2})
    whole = training(tmp_path / "whole", changed)
    assert _run(whole)
    parts = tmp_path / "parts"
    for _ in range(6):
        part = training(parts, changed)
        part.resume()
        finished = part.run(minutes=0.0, tensorboard=False)  # stops after one step
        assert not finished
    last = training(parts, changed)
    assert last.resume()
    assert last.step == 6
    assert last.schedule.at(5).phase is Phase.GAME, "a restart lies behind, another one ahead"
    assert _run(last)
    assert _log(parts)[-1]["step"] == whole.schedule.total
    trained = [entry for entry in _log(parts) if entry["kind"] == "train"]
    assert trained == [entry for entry in _log(tmp_path / "whole") if entry["kind"] == "train"]
    for key, value in _weights(whole).items():
        assert torch.equal(value, _weights(last)[key]), key
    assert last.measure() == whole.measure()


def test_entries_after_the_checkpoint_are_made_again(tmp_path: Path) -> None:
    run = training(tmp_path)
    run.run(minutes=0.0, tensorboard=False)
    with (tmp_path / LOG_FILE).open("a", encoding="utf-8") as log:
        log.write('{"kind": "train", "step": 2}\n{"kind": "tr')
    again = training(tmp_path)
    again.resume()
    _run(again)
    steps = [entry["step"] for entry in _log(tmp_path) if entry["kind"] == "train"]
    assert steps == list(range(1, again.schedule.total + 1))


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    run = training(tmp_path)
    assert not run.resume()
    run.save()
    with pytest.raises(ConfigError, match="another recipe, seed or data"):
        training(tmp_path, seed=1).resume()
    data = (tmp_path / STATE_FILE).read_bytes()
    (tmp_path / STATE_FILE).write_bytes(data[: len(data) // 2])
    with pytest.raises(ContractError, match="not a checkpoint"):
        training(tmp_path).resume()


def test_a_finished_run_stays_as_it_is_when_resumed(tmp_path: Path) -> None:
    run = training(tmp_path)
    _run(run)
    again = training(tmp_path)
    again.resume()
    assert _run(again)
    assert again.step == run.schedule.total


def test_a_restarted_classifier_forgets_and_its_schedule_begins_anew(tmp_path: Path) -> None:
    run = training(tmp_path, recipe(game={"restart_steps": 0}))
    classifier = run.table.players.classifiers[0]
    start = {key: value.clone() for key, value in classifier.state_dict().items()}
    for _ in range(5):
        run.one_step()
    assert classifier.updates > 0
    run._restart(5, 0)
    assert classifier.updates == 0
    assert all(torch.equal(value, start[key]) for key, value in classifier.state_dict().items())
    assert not run.table.optimisers["classifier0"].state_dict()["state"]


def test_a_published_classifier_stays_as_it_is(tmp_path: Path) -> None:
    run = training(tmp_path, with_published(game={"restart_every": 1, "restart_steps": 1}))
    start = {key: value.clone() for key, value in _weights(run).items()}
    assert start["classifier1/anchor"].norm().item() == pytest.approx(1.0)
    assert set(run.table.optimisers) == {"modifier", "detector", "classifier0"}
    _run(run)
    for key, value in _weights(run).items():
        if key.startswith("classifier1/"):
            assert torch.equal(value, start[key]), key
    assert not torch.equal(_weights(run)["classifier0/head.weight"], start["classifier0/head.weight"])
    assert run.table.players.classifiers[1].updates == 0
    names = {name for entry in _log(tmp_path) if entry["kind"] == "train" for name in entry}
    assert "m_anchor" in names and "d0_modified" in names
    assert not [name for name in names if name.startswith("d1_")]
    assert [judge["kind"] for judge in run.measure()["classifiers"]] == ["sphereface"] * 2, "but it judges"


def test_restarts_go_round_those_that_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learning, published = with_published().classifiers
    chosen = recipe(classifiers=(learning, published, learning), game={"restart_every": 1})
    run = training(tmp_path, chosen)
    restarted: list[int] = []
    monkeypatch.setattr(run, "_restart", lambda step, index: restarted.append(index))
    while run.step < run.schedule.total:
        run.one_step()
    assert restarted == [0, 2, 0, 2, 0]


def test_any_module_may_be_the_modifier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    other = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3, padding=1), torch.nn.BatchNorm2d(3), torch.nn.Sigmoid())
    run = training(tmp_path, modifier=other)
    statistics = []
    for step in range(run.schedule.total):
        run.one_step()
        statistics.append((run.schedule.at(step).phase, other[1].running_mean.clone()))
    frozen_mean = [mean for phase, mean in statistics if phase is Phase.FINETUNE]
    assert torch.equal(frozen_mean[0], frozen_mean[-1]), "M is frozen in fine-tuning, its statistics too"


def test_validation_tells_how_honest_the_classifier_is(tmp_path: Path) -> None:
    run = training(tmp_path)
    report = run.measure()
    assert report["faces"] == 16 and report["frames"] == 4
    (judge,) = report["classifiers"]
    assert judge["kind"] == "sphereface"
    assert 0 <= judge["crossed"]["auc"] <= 1
    assert report["l1"] > 0 and report["action_loss"] > 0
    assert run.table.players.modifier.training, "modes are left as they were"


def test_pictures_are_written(tmp_path: Path) -> None:
    run = training(tmp_path)
    _run(run)
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")
