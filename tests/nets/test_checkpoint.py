"""Checkpoints of modifiers: what is read is what was written, and anything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.nets.checkpoint import load_modifier, read_tensors, save_modifier, write_tensors
from hw_anon.nets.modifier import SMOKE, JohnsonModifier


def test_a_modifier_comes_back_bit_for_bit_with_its_metadata(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = JohnsonModifier(SMOKE)
    path = tmp_path / "modifier.safetensors"
    save_modifier(path, net, {"recipe": {"name": "smoke"}, "seed": 3, "judges_seen": ["sface"]})
    again, metadata = load_modifier(path)
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(again(x), net(x))
    assert not again.training
    assert metadata["judges_seen"] == ["sface"]
    assert metadata["seed"] == 3
    assert metadata["config"] == SMOKE.to_dict()


def test_metadata_cannot_claim_another_architecture(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_modifier(path, JohnsonModifier(SMOKE), {"architecture": "other", "format": 9})
    assert load_modifier(path)[1]["architecture"] == "johnson"


def test_equal_weights_give_equal_files(tmp_path: Path) -> None:
    net = JohnsonModifier(SMOKE)
    for name in ("a", "b"):
        save_modifier(tmp_path / name, net, {"seed": 0, "recipe": {"x": 1, "a": 2}})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_of_a_directory_it_is_said_which_file_to_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is a directory, and no \.safetensors file is in it"):
        read_tensors(tmp_path)
    (tmp_path / "modifier.safetensors").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"is a directory, name .*modifier\.safetensors"):
        read_tensors(tmp_path)


def test_damaged_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(ContractError, match="does not exist"):
        load_modifier(path)
    path.write_bytes(b"not a checkpoint at all")
    with pytest.raises(ContractError, match="not a checkpoint"):
        load_modifier(path)
    write_tensors(path, {"x": torch.zeros(1)}, {"architecture": "unet", "format": 1})
    with pytest.raises(ContractError, match="unet"):
        load_modifier(path)
    assert set(read_tensors(path)[0]) == {"x"}
    tensors = JohnsonModifier(SMOKE).state_dict()
    tensors.popitem()
    write_tensors(path, tensors, {"architecture": "johnson", "format": 1, "config": SMOKE.to_dict()})
    with pytest.raises(ContractError, match="do not fit"):
        load_modifier(path)
    write_tensors(path, {}, {"architecture": "johnson", "format": 1, "config": {"wide": 4}})
    with pytest.raises(ContractError, match="wide"):
        load_modifier(path)
