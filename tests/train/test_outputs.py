"""What a run hands on can be read by those who use it, and says where it came from."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from hw_anon.nets.checkpoint import load_modifier
from hw_anon.nets.detector_checkpoint import load_detector
from hw_anon.recipes import named_recipe
from hw_anon.train.outputs import write_outputs
from hw_anon.train.players import load_classifier
from tests.train.setting import training


def test_players_recipe_and_figures_are_written(tmp_path: Path) -> None:
    run = training(tmp_path, seed=4)
    run.one_step()
    metrics = write_outputs(run, command="hw-anon train …", data={"people": "abc"})
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    assert (metrics["steps"], metrics["steps_planned"], metrics["finished"]) == (1, run.schedule.total, False)
    assert metrics["data"] == {"name": "tiny", "people": "abc"}
    assert metrics["validation"]["l1"] > 0

    modifier, metadata = load_modifier(tmp_path / "modifier.safetensors")
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(modifier(x), run.table.players.modifier(x))
    assert (metadata["seed"], metadata["judges_seen"], metadata["recipe"]["name"]) == (4, [], "smoke")
    _, actions, _ = load_detector(tmp_path / "detector.safetensors")
    assert actions == ("red", "green", "blue")
    classifier, _ = load_classifier(tmp_path / "classifier0.safetensors")
    assert classifier.head.classes == 6
    assert named_recipe(str(tmp_path / "recipe.json")) == run.recipe


def test_a_modifier_of_another_kind_is_left_to_its_owner(tmp_path: Path) -> None:
    run = training(tmp_path, modifier=torch.nn.Conv2d(3, 3, 1))
    write_outputs(run, command="", data={})
    assert not (tmp_path / "modifier.safetensors").exists()
    assert (tmp_path / "detector.safetensors").exists()
