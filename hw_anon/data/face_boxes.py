"""Face boxes for videos: two opinions on every frame, remembered on disk.

The paper's recipe: what the detector finds at p > 0.8 and MTCNN confirms is a face; its box enlarged 1.6 times is the
region that is replaced. Finding takes time (0.14 s for 640×480 on one core) and always gives the same: results are
cached by the content of the pictures, the settings and the weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.boxes import MAX_SIDE, Box, face_region
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError, HwAnonError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.data.face_detectors import Candidate, MtcnnJudge, Yunet
from hw_anon.data.samples import ActionClip, ActionSet

__all__ = ["FaceBoxCache", "FaceBoxConfig", "FaceFinder", "Finder", "FoundFace", "clip_faces", "regions"]

_FORMAT = 1
_SAVE_EVERY = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceBoxConfig(Config):
    """What counts as a face."""

    min_score: float = 0.8
    """Least confidence of the detector (the paper's p > 0.8)."""
    min_refine: float = 0.6
    """Least probability of MTCNN's refining network; MTCNN's own threshold."""
    min_output: float = 0.7
    """Least probability of MTCNN's output network; MTCNN's own threshold."""
    second_opinion: bool = True
    """Whether MTCNN is asked; without it, more false boxes and no need for torch."""
    long_sides: tuple[int, ...] = (320, 640, 1280)
    """Sizes of the frame's longer side, in pixels, at which the detector looks."""
    max_enlargement: float = 2.0
    """Sizes that enlarge the frame by more are left out."""
    overlap: float = 0.3
    """Largest intersection over union of two faces."""

    def __post_init__(self) -> None:
        for field in ("min_score", "min_refine", "min_output", "overlap"):
            require_range(self, field, 0, 1)
        require_range(self, "max_enlargement", 0.1, 8)
        if not self.long_sides or not all(32 <= side <= MAX_SIDE for side in self.long_sides):
            raise ConfigError(
                f"FaceBoxConfig.long_sides = {self.long_sides}: expected sizes of 32 to {MAX_SIDE} pixels"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundFace:
    """A face on which both opinions agree."""

    candidate: Candidate
    """What the detector saw."""
    confirmation: float
    """Probability of MTCNN's output network; 1 where it was not asked."""

    @property
    def box(self) -> Box:
        """The face as detected; it may stick out of the frame."""
        return self.candidate.box


class Finder(Protocol):
    """Finds the faces of a frame."""

    @property
    def key(self) -> str:
        """Changes whenever the result for some frame may change."""

    def find(self, frame: NDArray[np.uint8]) -> tuple[FoundFace, ...]:
        """Returns the faces in an `[H, W, 3]` uint8 RGB frame, best first."""


class FaceFinder:
    """The two opinions together."""

    def __init__(self, config: FaceBoxConfig | None = None) -> None:
        """Loads the networks.

        Raises:
            ToolError: if a package is missing; the message says which.
            ContractError: if weights are damaged.
        """
        self.config = config or FaceBoxConfig()
        """What counts as a face."""
        self._detector = Yunet(
            min_score=self.config.min_score,
            long_sides=self.config.long_sides,
            max_enlargement=self.config.max_enlargement,
            overlap=self.config.overlap,
        )
        self._judge = MtcnnJudge() if self.config.second_opinion else None

    @property
    def key(self) -> str:
        """Hash of settings and weights."""
        parts = [str(_FORMAT), self.config.content_hash(), self._detector.weights_hash]
        return sha256_bytes(" ".join([*parts, self._judge.weights_hash if self._judge else "-"]).encode())

    def find(self, frame: NDArray[np.uint8]) -> tuple[FoundFace, ...]:
        """Returns the faces in a frame, best first.

        Args:
            frame: `[H, W, 3]` uint8 RGB.

        Raises:
            ContractError: if the frame has another form.
        """
        candidates = self._detector.find(frame)
        if self._judge is None:
            return tuple(FoundFace(candidate=candidate, confirmation=1.0) for candidate in candidates)
        opinions = self._judge.judge(frame, [candidate.box for candidate in candidates])
        return tuple(
            FoundFace(candidate=candidate, confirmation=round(output, 6))
            for candidate, (refine, output) in zip(candidates, opinions, strict=True)
            if refine >= self.config.min_refine and output >= self.config.min_output
        )


class FaceBoxCache:
    """Faces that were found before, one JSON file for each video and finder."""

    def __init__(self, directory: Path, finder: Finder) -> None:
        """Opens the cache.

        Args:
            directory: where the files are, made when the first is written.
            finder: asked for what is not in the cache.
        """
        self.directory = directory
        """Where the files are."""
        self._finder = finder

    def path(self, content: str) -> Path:
        """Returns the file for pictures of that content hash."""
        key = sha256_bytes(f"{content} {self._finder.key}".encode())
        return self.directory / key[:2] / f"{key}.json"

    def faces(
        self, content: str, numbers: Iterable[int], read: Callable[[int], NDArray[np.uint8]]
    ) -> dict[int, tuple[FoundFace, ...]]:
        """Returns the faces of some frames, looking for those that are not known yet.

        What was found is kept every 200 frames and when the search is interrupted. Damaged cache files are made anew.

        Args:
            content: hash of the video or of the clip's pictures.
            numbers: the frames, from 1.
            read: decodes a frame, `[H, W, 3]` uint8 RGB; called in ascending order.

        Returns:
            The faces of each frame, best first, by ascending number.

        Raises:
            ContractError: if a frame is damaged.
        """
        wanted = sorted(set(numbers))
        path = self.path(content)
        known = _load(path)
        unsaved = 0
        try:
            for number in wanted:
                if number in known:
                    continue
                known[number] = self._finder.find(read(number))
                unsaved += 1
                if unsaved == _SAVE_EVERY:
                    _save(path, known)
                    unsaved = 0
        finally:
            if unsaved:
                _save(path, known)
        return {number: known[number] for number in wanted}


def clip_faces(
    actions: ActionSet, clip: ActionClip, cache: FaceBoxCache, numbers: Iterable[int] | None = None
) -> dict[int, tuple[FoundFace, ...]]:
    """Returns the faces of a clip's labelled frames, of all of them by default.

    Raises:
        ContractError: if a frame is missing or damaged.
    """
    wanted = clip.frames if numbers is None else numbers
    return cache.faces(actions.content_hash(clip), wanted, lambda number: actions.picture(clip, number))


def regions(faces: Iterable[FoundFace], frame_width: int, frame_height: int) -> tuple[Box, ...]:
    """Returns what is replaced for those faces: their boxes enlarged 1.6 times, within the frame.

    Raises:
        ConfigError: if the frame's size is out of range.
    """
    enlarged = (face_region(face.box, frame_width, frame_height) for face in faces)
    return tuple(region for region in enlarged if region is not None)


def _save(path: Path, known: dict[int, tuple[FoundFace, ...]]) -> None:
    frames = {str(number): [asdict(face) for face in known[number]] for number in sorted(known)}
    write_text_atomically(path, json.dumps({"format": _FORMAT, "frames": frames}, separators=(",", ":")) + "\n")


def _load(path: Path) -> dict[int, tuple[FoundFace, ...]]:
    """Reads a cache file; nothing is known where it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            return {}
        return {int(number): tuple(map(_face, faces)) for number, faces in content["frames"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, HwAnonError):
        return {}


def _face(raw: dict[str, Any]) -> FoundFace:
    seen = raw["candidate"]
    eye, other_eye, nose, mouth, other_mouth = ((float(x), float(y)) for x, y in seen["landmarks"])
    candidate = Candidate(
        box=Box(**seen["box"]),
        score=float(seen["score"]),
        landmarks=(eye, other_eye, nose, mouth, other_mouth),
    )
    return FoundFace(candidate=candidate, confirmation=float(raw["confirmation"]))
