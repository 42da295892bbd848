"""Named networks and random members of the family."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from hw_anon.data.portrait import portrait_crops  # noqa: E402
from quant.export import weights_sha256  # noqa: E402
from quant.modifier import ModifierConfig  # noqa: E402
from quant.pretrain import PretrainRecipe, reconstruction_metrics  # noqa: E402
from quant.rules import check  # noqa: E402
from quant.zoo import NETS, RECIPE_FILE, load_net, net_metrics, random_config, random_net  # noqa: E402

WEIGHTS = Path(__file__).parents[2] / "quant" / "weights"


@pytest.mark.parametrize("name", NETS)
def test_named_nets_have_sound_weights_with_their_record(name: str) -> None:
    net = load_net(name)
    assert check(net) == []
    metrics = net_metrics(name)
    assert metrics["weights_sha256"] == weights_sha256(net)
    assert metrics["macs_per_inference"] == net.macs()
    record = json.loads((WEIGHTS / name / RECIPE_FILE).read_text())
    assert ModifierConfig.from_json(record["config"]) == net.config
    assert PretrainRecipe(**record["recipe"]).net == name
    assert record["purpose"] == metrics["purpose"]
    assert "does not anonymise" in record["purpose"]


@pytest.mark.parametrize("name", ["modifier-xs", "modifier-s"])
def test_the_recorded_portrait_metrics_hold(name: str) -> None:
    pytest.importorskip("skimage", reason="missing: scikit-image")
    net, recorded = load_net(name), net_metrics(name)["portrait"]
    measured = reconstruction_metrics(net, portrait_crops(recorded["crops"], net.config.input_size, seed=0))
    for key, value in measured.items():
        assert value == pytest.approx(recorded[key], rel=0.01)


def test_unknown_net_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="modifier-s, modifier-m, modifier-xs"):
        load_net("modifier-xl")


def test_missing_corrupt_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="hw-anon pretrain"):
        load_net("modifier-xs", weights_dir=tmp_path)
    target = tmp_path / "modifier-xs" / "weights.safetensors"
    target.parent.mkdir()
    good = (WEIGHTS / "modifier-xs" / "weights.safetensors").read_bytes()
    target.write_bytes(good[:-50])
    with pytest.raises(ContractError, match="does not hold"):
        load_net("modifier-xs", weights_dir=tmp_path)
    target.write_bytes((WEIGHTS / "modifier-s" / "weights.safetensors").read_bytes())
    with pytest.raises(ContractError, match="does not hold"):
        load_net("modifier-xs", weights_dir=tmp_path)


def test_random_nets_are_reproducible_and_differ() -> None:
    assert weights_sha256(random_net(7)) == weights_sha256(random_net(7))
    assert weights_sha256(random_net(7)) != weights_sha256(random_net(8))


def test_random_configs_cover_the_family() -> None:
    configs = [random_config(np.random.default_rng(seed)) for seed in range(200)]
    assert {config.blocks for config in configs} == {0, 1, 2, 3}
    for field in ("edge_weight_bits", "weight_bits", "act_bits", "branch_bits"):
        assert {getattr(config, field) for config in configs} == set(range(2, 9)), field
    assert {config.per_channel for config in configs} == {False, True}
    sizes = {config.input_size for config in configs}
    assert min(sizes) == 32
    assert max(sizes) > 88
    assert {width for config in configs for width in config.widths} == set(range(3, 25))
