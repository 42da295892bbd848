"""Keyed modifiers as the evaluation meets them: who saw faces of which power-up.

The attacker collects faces of known people under the power-ups that were, and attacks under one that is new: that is
the protocol `fresh`. Under `replayed` the attacker owns such a camera, has it modify each known picture under many
power-ups, and learns from all of them. Under `same` everything happens at one power-up, as without a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import ModifierBackend, require_crops
from hw_anon.core.hashing import sha256_bytes
from hw_anon.core.keys import append_key, power_up_keys

__all__ = ["ATTACKED_POWER_UP", "PowerUps", "PoweredModifier", "at_power_up"]

PowerUps = Literal["fresh", "replayed", "same"]
"""Which power-ups an attacker has seen before."""
ATTACKED_POWER_UP = 0
"""The power-up under which faces are to be recognised."""
_KNOWN = 32
"""Power-ups that an attacker may have seen."""
_REPLAYS = 8
"""Power-ups under which an attacker who replays has each known picture modified."""


@dataclass(frozen=True, slots=True)
class _OnePowerUp:
    name: str
    inner: ModifierBackend
    key: NDArray[np.uint8]

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return self.inner.modify(append_key(crops_u8, self.key))


class PoweredModifier:
    """A keyed modifier with the keys of its power-ups."""

    def __init__(
        self, inner: ModifierBackend, channels: int, *, name: str, crop_side: int, power_ups: PowerUps, seed: int = 0
    ) -> None:
        """Takes a keyed modifier.

        Args:
            inner: modifies `[N, S, S, 3 + channels]` uint8.
            channels: its key channels.
            name: name in reports.
            crop_side: S.
            power_ups: what the attacker has seen.
            seed: seed of the keys.
        """
        self.name = name
        """Name in reports."""
        self.crop_side = crop_side
        """Side of the crops in pixels."""
        self.power_ups = power_ups
        """What the attacker has seen."""
        self._inner = inner
        self._keys = power_up_keys(1 + _KNOWN, channels, seed)

    def at(self, power_up: int) -> ModifierBackend:
        """Returns the modifier at one power-up; `ATTACKED_POWER_UP` is the one that is attacked."""
        return _OnePowerUp(self.name, self._inner, self._keys[power_up])

    @property
    def replays(self) -> int:
        """Times that an attacker has each known picture modified, each under another power-up."""
        return _REPLAYS if self.power_ups == "replayed" else 1

    def plan(self, people: NDArray[np.int64], known_pictures: int, *, replay: int = 0) -> NDArray[np.int64]:
        """Returns the power-up of each picture, `[N]`.

        Args:
            people: `[N]` person of each picture.
            known_pictures: each person's first so many pictures are those that the attacker knows: but under `same`
                each of them is of another power-up, and none of the attacked one.
            replay: which time the known pictures are modified, from 0 to `replays` - 1.
        """
        plan = np.full(len(people), ATTACKED_POWER_UP, np.int64)
        if self.power_ups != "same":
            for person in np.unique(people):
                own = np.flatnonzero(people == person)[:known_pictures]
                plan[own] = 1 + (np.arange(len(own)) + replay * known_pictures) % _KNOWN
        return plan

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Modifies `[N, S, S, 3]` uint8 crops as an attacker can have it done beforehand.

        But under `same` each crop is modified under one of the power-ups that were, chosen by its pixels; the same crop
        always gives the same answer.

        Raises:
            ContractError: if shape or dtype are not the network's.
        """
        require_crops(crops_u8, (self.crop_side, self.crop_side, 3), backend=self.name)
        if self.power_ups == "same":
            return self.at(ATTACKED_POWER_UP).modify(crops_u8)
        chosen = [1 + int(sha256_bytes(crop.tobytes())[:8], 16) % _KNOWN for crop in crops_u8]
        return self._inner.modify(append_key(crops_u8, self._keys[chosen]))


def at_power_up(backend: ModifierBackend) -> ModifierBackend:
    """Returns a modifier at the power-up that is attacked; one without a key as it is."""
    return backend.at(ATTACKED_POWER_UP) if isinstance(backend, PoweredModifier) else backend
