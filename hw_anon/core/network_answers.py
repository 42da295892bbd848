"""Answers of a camera's two networks, noted where torch is and looked up where it is not.

The bit-true model of a camera needs its networks' software twins, which need torch; the driver needs pynq, which one
environment cannot hold beside torch. So the twins' answers are noted while a video goes through the model in the one
environment, and the same model runs behind the driver in the other with the book in place of the twins. An answer is
found by the SHA-256 of what was asked; to anything else there is no answer, as from a network that hangs, and the
camera's frame is black.

The file is one `.npz` of four arrays: `detector_keys` `[N, 32]`, `detector_answers` `[N, R, C, 5]`, `modifier_keys`
`[M, 32]`, `modifier_answers` `[M, S, S, 3]`, all uint8.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.errors import ContractError, DeviceError

__all__ = ["AnswerBook"]

Network = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
Role = Literal["detector", "modifier"]

_ROLES: tuple[Role, ...] = ("detector", "modifier")
_KEY_BYTES = 32


class AnswerBook:
    """What both networks answered, by what they were asked."""

    def __init__(self) -> None:
        """Makes an empty book."""
        self._answers: dict[Role, dict[bytes, NDArray[np.uint8]]] = {role: {} for role in _ROLES}

    def __len__(self) -> int:
        """Returns how many answers it holds."""
        return sum(map(len, self._answers.values()))

    def noted_detector(self, detect: Network) -> Network:
        """Returns a face detector, half frame `[H/2, W/2, 3]` to map `[R, C, 5]`, whose answers are noted."""

        def noting(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
            answer = detect(half)
            self._answers["detector"][_key(half)] = answer
            return answer

        return noting

    def noted_modifier(self, modify: Network) -> Network:
        """Returns a face modifier, `[N, S, S, 3]` to the same shape, whose answers are noted crop by crop."""

        def noting(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
            answers = modify(crops)
            self._answers["modifier"] |= {_key(crop): answer for crop, answer in zip(crops, answers, strict=True)}
            return answers

        return noting

    def detect(self, half: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns the noted map of a half frame.

        Raises:
            DeviceError: if none was noted.
        """
        return self._found("detector", half)

    def modify(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns the noted modified crops.

        Raises:
            DeviceError: if one was not noted.
        """
        return np.stack([self._found("modifier", crop) for crop in crops]) if len(crops) else crops

    def save(self, path: Path) -> None:
        """Writes the book.

        Raises:
            OSError: if the file cannot be written.
        """
        detector, modifier = (_columns(self._answers[role]) for role in _ROLES)
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            detector_keys=detector[0],
            detector_answers=detector[1],
            modifier_keys=modifier[0],
            modifier_answers=modifier[1],
        )
        write_bytes_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> AnswerBook:
        """Reads a book.

        Raises:
            ContractError: if the file is missing or damaged.
        """
        book = cls()
        try:
            with np.load(path, allow_pickle=False) as arrays:
                for role in _ROLES:
                    keys, answers = arrays[f"{role}_keys"], arrays[f"{role}_answers"]
                    if keys.dtype != np.uint8 or answers.dtype != np.uint8 or keys.shape[1:] != (_KEY_BYTES,):
                        raise ValueError(f"the {role}'s arrays have another form")
                    book._answers[role] = {key.tobytes(): answer for key, answer in zip(keys, answers, strict=True)}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as exc:
            raise ContractError(f"{path}: no answers of a camera's networks ({exc}); write them again") from exc
        return book

    def _found(self, role: Role, asked: NDArray[np.uint8]) -> NDArray[np.uint8]:
        answer = self._answers[role].get(_key(asked))
        if answer is None:
            raise DeviceError(f"the {role}'s answer to this picture was not noted: the model saw other frames")
        return answer


def _key(asked: NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(asked).tobytes()).digest()


def _columns(answers: dict[bytes, NDArray[np.uint8]]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns keys `[N, 32]` and answers `[N, ...]`."""
    keys = np.frombuffer(b"".join(answers), np.uint8).reshape(-1, _KEY_BYTES)
    return keys, np.stack(list(answers.values())) if answers else np.zeros((0, 1), np.uint8)
