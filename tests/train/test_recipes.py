"""Recipes are whole configurations, and single settings can be changed by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw_anon.core.errors import ConfigError
from hw_anon.nets.modifier import EDGE, PAPER
from hw_anon.recipes import RECIPES, edge, named_recipe, paper, smoke, with_settings
from hw_anon.train.config import TrainRecipe


def test_the_papers_recipe_is_the_papers() -> None:
    recipe = paper()
    assert recipe.modifier == PAPER and recipe.modifier.size == 256 and recipe.modifier.blocks == 9
    (classifier,) = recipe.classifiers
    assert (classifier.kind, classifier.network.depth, classifier.margin) == ("sphereface", 20, 4)
    assert recipe.detector.backbone == "resnet101"
    game, schedule, objective = recipe.game, recipe.schedule, recipe.objective
    assert (game.modifier_rate, game.classifier_rate, game.detector_rate) == (3e-4, 3e-4, 1e-3)
    assert (schedule.epochs, schedule.drop_after, schedule.drop_factor) == (12, 7, 0.1)
    assert (objective.target, objective.bound, objective.embedding) == ("ascent", "none", 0.0)
    assert (objective.detection, objective.adversarial) == (1.0, 1.0)
    assert game.detector_update == "after" and game.restart_every == 0
    assert recipe.judges_seen == ()


def test_edge_is_what_the_chip_holds_and_says_which_judge_it_has_seen() -> None:
    assert edge().modifier == EDGE
    assert edge().judges_seen == ("sface",)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    recipe = named_recipe(name)
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe.to_dict()))
    assert named_recipe(str(path)) == recipe
    assert TrainRecipe.from_file(path).content_hash() == recipe.content_hash()


def test_settings_change_single_values() -> None:
    settings = ["game.faces=32", "classifiers.0.margin=3", "objective.target=random", "name=mine"]
    recipe = with_settings(smoke(), settings)
    assert recipe.game.faces == 32
    assert recipe.classifiers[0].margin == 3
    assert (recipe.objective.target, recipe.name) == ("random", "mine")
    assert recipe.game.frames == smoke().game.frames


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("game.face=3", "faces"),
        ("game.faces", "name=value"),
        ("game.faces=many", "expected int"),
        ("game.faces=0", "allowed range"),
        ("classifiers.7.margin=3", "classifiers.7"),
        ("name.first=3", "no settings of its own"),
        ("objective.target=up", "allowed values"),
    ],
)
def test_wrong_settings_are_named(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_settings(smoke(), [setting])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["classifiers.0.learns=false"], "none learns"),
        (["objective.anchor=1.0"], "objective.anchor needs"),
        (["classifiers.0.head_start=means", "objective.anchor=1.0"], "objective.anchor needs"),
        (["objective.anchor=-1.0"], "anchor"),
    ],
)
def test_a_game_without_its_classifiers_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_settings(smoke(), settings)


def test_the_mean_face_needs_a_published_classifier_with_one() -> None:
    assert edge().objective.anchor > 0
    with pytest.raises(ConfigError, match="head_start"):
        with_settings(edge(), ["classifiers.1.head_start=random"])


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean edge"):
        named_recipe("egde")
