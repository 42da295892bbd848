"""The float twin is the network without rounding: near it at many bits, further at few, and an anonymiser as a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from hw_anon.core.errors import ConfigError  # noqa: E402
from hw_anon.evaluate.onnx_modifier import OnnxModifier  # noqa: E402
from quant.distil import distil, distil_metrics, save_distilled  # noqa: E402
from quant.distil_recipe import DistilRecipe  # noqa: E402
from quant.float_twin import FloatTwin, float_twin_onnx  # noqa: E402
from quant.modifier import Modifier, ModifierConfig  # noqa: E402
from quant.zoo import NETS  # noqa: E402
from tests.train.banks import face_bank  # noqa: E402

TINY = ModifierConfig(input_size=32, widths=(8, 12, 16), blocks=2)


def _made(config: ModifierConfig) -> Modifier:
    net = Modifier(config)
    net.randomise(torch.Generator().manual_seed(0))
    return net


def _crops() -> torch.Tensor:
    coarse = torch.rand(8, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    return (torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear") * 255.0).round() / 255.0


@torch.no_grad()
def _gap(bits: int) -> float:
    config = replace(TINY.at_bits(bits), edge_weight_bits=8)
    net, crops = _made(config), _crops()
    twin = FloatTwin(net).eval()(crops).clamp(0.0, 1.0)
    answer = net(crops)
    return float((twin - answer).abs().mean() / (answer - answer.mean()).abs().mean())


def test_rounding_is_all_that_parts_it_from_the_network() -> None:
    gaps = {bits: _gap(bits) for bits in (8, 6, 4)}
    assert gaps[8] < 0.1
    assert gaps[8] < gaps[6] < gaps[4]


def test_values_stay_in_the_quantisers_ranges() -> None:
    net, crops = _made(TINY.at_bits(8)), _crops()
    net.stem[0].bn.bias.data += 100.0  # every first activation at its quantiser's end
    with torch.no_grad():
        twin, answer = FloatTwin(net).eval()(crops).clamp(0.0, 1.0), net(crops)
    assert float((twin[0] - twin[1]).abs().max()) < 1e-5, "nothing of the crops is left"
    assert float((twin - answer).abs().mean()) < 0.1


def test_a_twin_is_taught_and_written_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETS, "tiny", TINY)
    recipe = DistilRecipe(
        net="tiny", quantised=False, steps=60, bits=(), batch=8, learning_rate=0.02, occlude=0.0, checkpoint_every=1000
    )
    faces = face_bank()

    def grey(images: torch.Tensor) -> torch.Tensor:
        return torch.full_like(images, 0.25)

    before = distil_metrics(Modifier(TINY).eval(), grey, faces, quantised=False)["l1_to_teacher_float"]
    net = distil(recipe, grey, faces, checkpoint=tmp_path / "run")
    metrics = distil_metrics(net, grey, faces, quantised=False)
    assert metrics["l1_to_teacher_float"] < 0.3 * before
    assert "l1_to_teacher_integer" not in metrics
    save_distilled(net, recipe, tmp_path / "twin", metrics=metrics, teacher={"judges_seen": ["sface"]}, data={})
    record = json.loads((tmp_path / "twin" / "recipe.json").read_text())
    assert "without rounding" in record["purpose"]
    assert DistilRecipe.from_dict(record["recipe"]) == recipe
    assert OnnxModifier(tmp_path / "twin" / "modifier.onnx", crop_side=64).crop_side == 32


def test_the_file_computes_what_the_twin_does(tmp_path: Path) -> None:
    net, crops = _made(TINY), _crops()
    (tmp_path / "twin.onnx").write_bytes(float_twin_onnx(net))
    with torch.no_grad():
        answer = FloatTwin(net).eval()(crops).clamp(0.0, 1.0) * 255.0
    expected = answer.round().byte().permute(0, 2, 3, 1).numpy()
    levels = (crops * 255.0).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    given = OnnxModifier(tmp_path / "twin.onnx", crop_side=32).modify(levels)
    assert np.abs(given.astype(int) - expected).max() <= 1
    assert len(np.unique(expected)) > 100, "pictures with something in them"


def test_a_twin_has_no_bits_and_no_key() -> None:
    for wrong in ({"bits": (8,)}, {"bits": (), "own_bits": 4}, {"bits": (), "key_channels": 2}):
        with pytest.raises(ConfigError, match="float twin"):
            DistilRecipe(net="modifier-s", quantised=False, **wrong)
