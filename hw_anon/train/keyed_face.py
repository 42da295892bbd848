"""Another face at every power-up: what a key adds to nobody's face.

The mean face of `average_face` is moved along eigenfaces (Turk, Pentland, J. Cognitive Neuroscience 1991), the
directions in which aligned mean faces of people differ most. How far along each is a wave of the key: so faces of new
keys lie outside what faces of a few known keys span, and who learned under those has not seen them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.data.banks import FaceBank
from hw_anon.train.average_face import AverageFace
from hw_anon.train.face_canvas import CANVAS_SIDE, aligned_faces, coarse, inverse, to_canvas, warped

__all__ = ["KeyedFace", "KeyedFaceConfig"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyedFaceConfig(Config):
    """How a key becomes a face."""

    channels: int = 4
    """Bytes of a key."""
    directions: int = 30
    """Eigenfaces."""
    light: float = 0.4
    """How much of its own blurred self is taken from each move: the light of a picture stays, mostly."""
    strength: float = 1.4
    """Largest move along each, in standard deviations of people."""
    turns: float = 1.5
    """Standard deviation of how far each byte turns each wave, in radians for half of the byte's range."""
    seed: int = 0
    """Seed of the waves."""

    def __post_init__(self) -> None:
        require_range(self, "channels", 1, 16)
        require_range(self, "directions", 1, 512)
        require_range(self, "light", 0.0, 1.0)
        require_range(self, "strength", 0.0, 10.0)
        require_range(self, "turns", 0.0, 10.0)


class KeyedFace:
    """Eigenfaces of a bank's people, and the waves that a key drives."""

    def __init__(self, bank: FaceBank, average: AverageFace, config: KeyedFaceConfig | None = None) -> None:
        """Learns the eigenfaces.

        Args:
            bank: pictures of many people, on the CPU.
            average: what is moved.
            config: how.

        Raises:
            ContractError: if there are not more people than eigenfaces.
        """
        self.config = config or KeyedFaceConfig()
        count = self.config.directions
        if bank.people <= count:
            raise ContractError(f"{bank.people} people are too few for {count} eigenfaces")
        faces = aligned_faces(bank)[0][: len(bank)]
        means = torch.stack([faces[bank.labels == person].float().mean(0) for person in range(bank.people)])
        means = (means - means.mean(0)).flatten(1)
        # The directions of [people, pixels] by way of the far smaller [people, people].
        values, vectors = torch.linalg.eigh((means @ means.T).double())
        unit = vectors[:, -count:].float().T @ means / values[-count:].sqrt().float()[:, None]
        moves = unit * (values[-count:] / bank.people).sqrt().float()[:, None]
        moves = moves.flip(0).view(count, 3, CANVAS_SIDE, CANVAS_SIDE)
        moves = moves - self.config.light * coarse(moves, average.config.blur)
        self._moves = average.mask * moves * (self.config.strength / 255.0)
        generator = torch.Generator().manual_seed(self.config.seed)
        self._turns = torch.randn(self.config.channels, count, generator=generator) * self.config.turns
        self._starts = torch.rand(count, generator=generator) * 2.0 * math.pi

    def sha256(self) -> str:
        """Returns the hash of eigenfaces and waves."""
        parts = (self._moves, self._turns, self._starts)
        return sha256_bytes(b"".join(part.numpy().tobytes() for part in parts))

    def add(self, faces: Tensor, keys: Tensor, landmarks: Tensor) -> Tensor:
        """Returns faces as they look under their keys, in the range of the originals, clipped.

        Args:
            faces: `[N, 3, S, S]` 0..1 with nobody's face; a grey one stays grey.
            keys: `[N, K]` bytes / 255.
            landmarks: `[N, 5, 2]` in pixels of the faces.
        """
        waves = torch.sin((2.0 * keys.cpu() - 1.0) @ self._turns + self._starts)
        moves = torch.einsum("nk,kcyx->ncyx", waves, self._moves).to(faces.device)
        moved = warped(moves, inverse(to_canvas(landmarks)), faces.shape[-1])
        grey = (faces.amax(1) - faces.amin(1)).amax((1, 2)) < 2.0 / 255.0
        moved = torch.where(grey[:, None, None, None], moved.mean(1, keepdim=True), moved)
        return (faces + moved).clamp(0.0, 1.0)
