"""The covered faces of a synthetic set's people in memory, and on disk so that they are rendered once."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.data.banks import FaceBank
from hw_anon.data.synthetic.plan import Split, SynthesisConfig, person_jobs

__all__ = ["CoveredBank", "covered_bank"]

_MOMENTS = 4  # of one clip: clothes, things and light are the same
_FORMAT = 1
_ROUND_SEEDS = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CoveredBank:
    """Faces with hands and things before them; the people are numbered as in the set's portraits."""

    faces: FaceBank
    """The pictures, with all that covers."""
    bare: torch.Tensor
    """`[N, 3, P, P]` uint8 RGB: the same without."""
    covers: torch.Tensor
    """`[N, 1, P, P]` uint8: how much of each pixel is covered."""


def covered_bank(
    config: SynthesisConfig,
    split: Split,
    *,
    rounds: int,
    size: int,
    cache: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> CoveredBank:
    """Renders four moments of so many near-face actions for each person of a split, or reads them if that was done.

    Args:
        config: settings of the set whose people they are.
        split: which people.
        rounds: actions of each person.
        size: rows and columns of the pictures.
        cache: directory of what was rendered before.
        on_progress: called with the actions rendered, and all.

    Raises:
        ContractError: if the split has nobody, or a file in the cache is damaged.
        ToolError: if a package that drawing needs is missing.
    """
    from hw_anon.data.synthetic.studio import load_studio

    studio = load_studio()
    people = [job.person for job in person_jobs(config) if job.split == split]
    if not people or rounds < 1:
        raise ContractError(f"covered faces: {len(people)} people of the {split} split, {rounds} actions of each")
    key = sha256_bytes(f"covered {_FORMAT} {studio.version} {people} {rounds} {size}".encode())
    path = cache / f"covered-{key[:24]}.npz"
    if not path.is_file():
        write_bytes_atomically(path, _rendered(people, rounds, size, on_progress))
    return _read(path, len(people))


def _rendered(people: list[int], rounds: int, size: int, on_progress: Callable[[int, int], None] | None) -> bytes:
    from hw_anon.data.covered_faces import covered_faces
    from hw_anon.data.synthetic.actions import NEAR_FACE

    shots, labels = [], []
    for turn in range(rounds):
        for number, person in enumerate(people):
            action, seed = NEAR_FACE[(number + 3 * turn) % len(NEAR_FACE)], _ROUND_SEEDS * (turn + 1) + number
            shots += covered_faces(person, action, seed, pictures=_MOMENTS, size=size)
            labels += [number] * _MOMENTS
            if on_progress:
                on_progress(turn * len(people) + number + 1, rounds * len(people))
    file = io.BytesIO()
    np.savez(
        file,
        picture=np.stack([shot.picture for shot in shots]),
        bare=np.stack([shot.bare for shot in shots]),
        cover=np.stack([shot.cover for shot in shots]),
        landmarks=np.stack([shot.landmarks for shot in shots]).astype(np.float32),
        boxes=np.array([shot.face_box for shot in shots], np.float32),
        labels=np.array(labels),
    )
    return file.getvalue()


def _read(path: Path, people: int) -> CoveredBank:
    try:
        with np.load(path) as file:
            arrays = {name: torch.from_numpy(file[name]) for name in file.files}
        faces = FaceBank(
            pictures=arrays["picture"].permute(0, 3, 1, 2).contiguous(),
            boxes=arrays["boxes"],
            landmarks=arrays["landmarks"],
            labels=arrays["labels"],
            people=people,
        )
        bare, covers = arrays["bare"].permute(0, 3, 1, 2).contiguous(), arrays["cover"][:, None]
        return CoveredBank(faces=faces, bare=bare, covers=covers)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as exc:
        raise ContractError(f"{path}: damaged ({exc}); delete it, and it is made again") from exc
