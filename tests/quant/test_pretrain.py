"""Pretraining: it learns, goes on after an interruption as if there had been none, and refuses foreign checkpoints."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")
pytest.importorskip("skimage", reason="missing: scikit-image")

from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from quant.augment import augment  # noqa: E402
from quant.export import weights_sha256  # noqa: E402
from quant.pretrain import PretrainRecipe, pretrain, save_weights  # noqa: E402
from quant.zoo import load_net  # noqa: E402

RECIPE = PretrainRecipe(net="modifier-xs", steps=12, batch=4, checkpoint_every=5, learning_rate=0.01, held_out_people=1)


@pytest.fixture(scope="module")
def faces() -> NDArray[np.uint8]:
    """Three people with smooth stand-ins for faces."""
    coarse = np.random.default_rng(0).integers(0, 256, (3, 2, 14, 23), dtype=np.uint8)
    return coarse.repeat(8, axis=2).repeat(4, axis=3)


def test_an_interrupted_run_ends_with_the_same_weights(faces: NDArray[np.uint8], tmp_path: Path) -> None:
    losses: list[float] = []
    whole = pretrain(RECIPE, faces, checkpoint=tmp_path / "a.pt", on_step=lambda _, loss: losses.append(loss))
    assert losses[-1] < losses[0]
    assert not whole.training

    def interrupt(step: int, _: float) -> None:
        if step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(RECIPE, faces, checkpoint=tmp_path / "b.pt", on_step=interrupt)
    steps: list[int] = []
    resumed = pretrain(RECIPE, faces, checkpoint=tmp_path / "b.pt", on_step=lambda step, _: steps.append(step))
    assert steps[0] == 6
    assert weights_sha256(resumed) == weights_sha256(whole)
    assert not list(tmp_path.iterdir())

    metrics = save_weights(whole, RECIPE, faces, tmp_path / "modifier-xs")
    assert metrics["held_out_att"]["crops"] == 2
    assert weights_sha256(load_net("modifier-xs", weights_dir=tmp_path)) == metrics["weights_sha256"]
    record = json.loads((tmp_path / "modifier-xs" / "recipe.json").read_text())
    assert "does not anonymise" in record["purpose"]
    assert "AT&T Laboratories Cambridge" in record["data"]


def test_a_checkpoint_of_another_recipe_or_a_damaged_one_is_refused(faces: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "c.pt"

    def stop(step: int, _: float) -> None:
        if step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(RECIPE, faces, checkpoint=path, on_step=stop)
    with pytest.raises(ConfigError, match="another recipe"):
        pretrain(dataclasses.replace(RECIPE, seed=2), faces, checkpoint=path)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ContractError, match="not a checkpoint"):
        pretrain(RECIPE, faces, checkpoint=path)


def test_augmented_pictures_are_reproducible_colour_bytes() -> None:
    pictures = torch.rand(5, 1, 112, 92, generator=torch.Generator().manual_seed(0))
    first, again = (augment(pictures, 6, 32, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (6, 3, 32, 32)
    assert torch.equal((first * 255).round() / 255, first)
    assert float((first[:, 0] - first[:, 1]).abs().mean()) > 0.02


@pytest.mark.parametrize(("field", "value"), [("steps", 0), ("batch", 1), ("held_out_people", 0), ("net", "no-such")])
def test_wrong_recipe_field_is_named(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match="no-such" if field == "net" else field):
        PretrainRecipe(**({"net": "modifier-xs"} | {field: value}))  # type: ignore[arg-type]
