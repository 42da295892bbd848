"""A network of the chip in the game: keyed, with things before faces, resumed, and exported in the end."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from hw_anon.core.contract import load_contract  # noqa: E402
from hw_anon.core.keys import append_key, power_up_keys  # noqa: E402
from hw_anon.train.batches import Jitter  # noqa: E402
from hw_anon.train.config import ChipConfig, TrainRecipe  # noqa: E402
from hw_anon.train.loop import Training  # noqa: E402
from hw_anon.train.outputs import write_outputs  # noqa: E402
from hw_anon.train.players import build_players  # noqa: E402
from quant.export import export_net, verify_export  # noqa: E402
from quant.game import distil_recipe, save_chip, start_chip  # noqa: E402
from quant.modifier import Modifier  # noqa: E402
from quant.zoo import load_net, net_metrics, net_record, weights_directory  # noqa: E402
from tests.train.setting import SHORT, data, with_published  # noqa: E402

CHIP = ChipConfig(network="modifier-xs", key_channels=2)
TERMS = {"occluded": 1.0, "frame_l1": 1.0, "frame_features": 1.0, "key_apart": 1.0, "key_stable": 1.0}


def _recipe() -> TrainRecipe:
    return with_published(
        objective=TERMS,
        game={"keys": 2, "key_faces": 4, "modifier_precision": "float32"},
        chip=CHIP,
        schedule=replace(SHORT, frozen_norms_epochs=1),
        face_jitter=Jitter(box_shift=0.05, box_scale=0.1, occlude=0.5),
        frame_jitter=Jitter(box_shift=0.05, box_scale=0.1),
    )


def _run(directory: Path) -> Training:
    recipe, banks = _recipe(), data()
    net = start_chip(CHIP, weights_directory("modifier-xs"))
    players = build_players(recipe, banks.faces, actions=3, seed=0, modifier=net)
    return Training(recipe, players, banks, directory=directory, seed=0)


def test_a_stopped_game_goes_on_to_the_same_exportable_network(tmp_path: Path) -> None:
    whole = _run(tmp_path / "whole")
    whole.run(tensorboard=False)
    stopped = _run(tmp_path / "stopped")
    while stopped.step < 6:
        stopped.one_step()
    stopped.save()
    resumed = _run(tmp_path / "stopped")
    assert resumed.resume()
    resumed.run(tensorboard=False)
    expected = whole.table.players.modifier.state_dict()
    assert all(torch.equal(tensor, expected[n]) for n, tensor in resumed.table.players.modifier.state_dict().items())

    save = functools.partial(save_chip, start=net_record("modifier-xs"))
    write_outputs(resumed, command="hw-anon train", data={}, save=save)
    directory = tmp_path / "stopped" / "chip"
    assert not (tmp_path / "stopped" / "modifier.safetensors").exists()
    metrics, record = json.loads((directory / "metrics.json").read_text()), net_record(str(directory))
    assert metrics["exportable"]
    assert record["seed"] == 0
    assert record["start"] == net_record("modifier-xs")
    assert TrainRecipe.from_dict(record["recipe"]) == _recipe()
    net = load_net(str(directory))
    assert net.config.key_channels == 2
    export_net(net, "keyed", tmp_path / "export")
    assert load_contract(tmp_path / "export").input.shape == (1, 32, 32, 5)
    crops = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    seen = append_key(crops, power_up_keys(2, 2, 0))
    assert verify_export(net, tmp_path / "export", seen).differing_bytes == 0


def test_a_network_that_breaks_a_rule_is_kept_with_the_rule(tmp_path: Path) -> None:
    net = Modifier(load_net("modifier-xs").config)
    with torch.no_grad():
        net.stem[1].bn.weight.zero_()
    save_chip(tmp_path, net, {"seed": 1}, start={})
    metrics = json.loads((tmp_path / "chip" / "metrics.json").read_text())
    assert not metrics["exportable"]
    assert "stem.1" in metrics["broken_rules"]
    assert net.training, "the player itself is left as it is"


def test_a_chips_network_is_distilled_from_what_is_shipped() -> None:
    recipe = distil_recipe(replace(CHIP, bits=6), seed=3, device="cpu")
    assert recipe.start == weights_directory("modifier-xs")
    assert (recipe.student.key_channels, recipe.student.weight_bits, recipe.seed) == (2, 6, 3)
    small = distil_recipe(replace(CHIP, network="modifier-s"), seed=0, device="cpu")
    assert small.start == weights_directory("autoencoder-s"), "the network that anonymises is no start"
    assert distil_recipe(replace(CHIP, autoencoder=False), seed=0, device="cpu").start is None
    assert "weights_sha256" in net_metrics("modifier-xs")
