"""Trained modifiers and functions as backends, and what a checkpoint must say to be judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.evaluate.float_backend import CallableModifier, FloatModifier, load_method, pick_device
from hw_anon.nets.checkpoint import save_modifier
from hw_anon.nets.modifier import SMOKE, JohnsonModifier


def _crops(n: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, SMOKE.size, SMOKE.size, 3), dtype=np.uint8)


def test_a_network_s_answer_is_rounded_to_bytes() -> None:
    torch.manual_seed(0)
    net = JohnsonModifier(SMOKE)
    crops = _crops(20)
    backend = FloatModifier(net, name="smoke", device="cpu")
    modified = backend.modify(crops)
    with torch.no_grad():
        exact = net(torch.from_numpy(crops[17:18]).permute(0, 3, 1, 2).float() / 255)[0].permute(1, 2, 0).numpy() * 255
    assert modified.dtype == np.uint8
    assert np.abs(modified[17] - exact).max() <= 0.501
    with pytest.raises(ContractError, match="smoke"):
        backend.modify(crops[:, :16, :16])


def test_a_checkpoint_says_who_judged_it_in_training(tmp_path: Path) -> None:
    net = JohnsonModifier(SMOKE)
    path = tmp_path / "run" / "modifier.safetensors"
    save_modifier(path, net, {"recipe_name": "edge", "seed": 2, "judges_seen": ["sface"]})
    for place in (path, path.parent):
        method = load_method(place, device="cpu")
        assert (method.backend.name, method.seed, method.seen, method.crop_side) == (
            "ours-edge", 2, ("sface",), SMOKE.size,
        )  # fmt: skip
    assert load_method(path, name="other", device="cpu").backend.name == "other"
    with pytest.raises(ConfigError, match="name of a baseline"):
        load_method(path, name="edge", device="cpu")
    crops = _crops()
    np.testing.assert_array_equal(
        load_method(path, device="cpu").backend.modify(crops), FloatModifier(net, name="n", device="cpu").modify(crops)
    )
    save_modifier(path, net, {"seed": 2})
    with pytest.raises(ContractError, match="does not say which judges"):
        load_method(path, device="cpu")
    save_modifier(path, net, {"seed": "two", "judges_seen": []})
    with pytest.raises(ContractError, match="no whole number"):
        load_method(path, device="cpu")


def test_any_function_is_a_modifier() -> None:
    crops = _crops()
    backend = CallableModifier("negative", lambda c: 255 - c, crop_side=SMOKE.size)
    np.testing.assert_array_equal(backend.modify(crops), 255 - crops)
    with pytest.raises(ContractError, match="the answer of half"):
        CallableModifier("half", lambda c: c[:, ::2], crop_side=SMOKE.size).modify(crops)


def test_devices_by_name() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in ("cpu", "cuda")
    with pytest.raises(ConfigError, match="abacus"):
        pick_device("abacus")
