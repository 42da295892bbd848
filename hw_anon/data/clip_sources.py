"""Clips of actions to train on, by name: `synthetic:DIR`, `daly:DIR`, `jhmdb:DIR`, `videos:DIR`.

All are split by those who made them. A synthetic set says where its faces are; in videos two detectors have to agree
(`face_boxes`), once: what was found is kept on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_file
from hw_anon.data.bank_loading import Progress, load_frame_bank
from hw_anon.data.banks import FrameBank
from hw_anon.data.face_boxes import FaceBoxCache, FaceFinder, clip_faces
from hw_anon.data.face_labels import FaceLabel, found_labels
from hw_anon.data.people_sources import parse_source
from hw_anon.data.samples import ActionClip, ActionSet

__all__ = ["CLIP_KINDS", "ClipSource", "FoundFaces", "open_action_set", "open_clip_source"]

CLIP_KINDS = ("synthetic", "daly", "jhmdb", "videos")
"""Kinds of sets of clips, each followed by `:` and a path."""

_DALY_LABELS = "daly1.1.0.pkl"
_JHMDB_LABELS = "JHMDB-GT.pkl"


class FoundFaces:
    """The faces of an action set's labelled frames, looked for once."""

    def __init__(self, actions: ActionSet, cache: FaceBoxCache) -> None:
        """Prepares the search.

        Args:
            actions: the set.
            cache: what was found before.
        """
        self._actions, self._cache = actions, cache
        self._known: dict[tuple[str, int], tuple[FaceLabel, ...]] = {}

    def look(self, split: str, *, every: int, on_progress: Progress | None = None) -> None:
        """Finds the faces of a split's frames, a clip at a time.

        Args:
            split: `train` or `test`.
            every: only each clip's first labelled frame and every so-manieth after it.
            on_progress: called after each clip.

        Raises:
            ContractError: if a frame is missing or damaged.
        """
        clips = self._actions.of_split(split)
        for done, clip in enumerate(clips, start=1):
            found = clip_faces(self._actions, clip, self._cache, clip.frames[::every])
            self._known |= {(clip.name, number): found_labels(faces) for number, faces in found.items()}
            if on_progress:
                on_progress(done, len(clips))

    def __call__(self, clip: ActionClip, number: int) -> tuple[FaceLabel, ...]:
        """Returns the faces of a frame that `look` has seen."""
        return self._known[clip.name, number]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClipSource:
    """Clips and the faces in them."""

    actions: ActionSet
    """The clips."""
    faces: Callable[[ActionClip, int], Sequence[FaceLabel]]
    """The faces of a frame."""
    found: FoundFaces | None
    """The same where they have to be looked for first."""
    described: dict[str, Any]
    """JSON values for results: where the clips come from and how many there are."""
    index_hash: str | None = None
    """Hash of the set where it has an index with hashes of its own; otherwise the banks' is to be taken."""

    def bank(
        self,
        split: str,
        *,
        every: int = 1,
        frame_size: tuple[int, int] | None = None,
        threads: int = 1,
        on_faces: Progress | None = None,
        on_frames: Progress | None = None,
    ) -> FrameBank:
        """Finds the faces that are not known yet, and decodes the frames of a split; see `load_frame_bank`."""
        if self.found is not None:
            self.found.look(split, every=every, on_progress=on_faces)
        return load_frame_bank(
            self.actions,
            self.faces,
            split,
            every=every,
            frame_size=frame_size,
            threads=threads,
            on_progress=on_frames,
        )


def open_clip_source(spec: str, *, face_boxes: Path, skip_missing: bool = False) -> ClipSource:
    """Opens clips to train on.

    Args:
        spec: kind and path, e.g. `daly:data/daly`; a path alone is a synthetic set.
        face_boxes: cache of the faces that were found.
        skip_missing: leaves out videos of DALY that are not there.

    Raises:
        ConfigError: if there is no such set.
        ContractError: if a file is missing or damaged.
        ToolError: if a package is missing.
    """
    kind, path = parse_source(spec, CLIP_KINDS, what="clips")
    if kind == "synthetic":
        from hw_anon.data.synthetic.sets import open_clips

        clips, index = open_clips(path), sha256_file(path / "clips.jsonl")
        return ClipSource(actions=clips, faces=clips.faces, found=None, described={"clips": index}, index_hash=index)
    actions = open_action_set(kind, path, skip_missing=skip_missing)
    found = FoundFaces(actions, FaceBoxCache(face_boxes, FaceFinder()))
    described: dict[str, Any] = {"kind": kind, "title": actions.title, "actions": list(actions.actions)}
    for split in ("train", "test"):
        described[f"clips_{split}"] = len(actions.of_split(split))
    return ClipSource(actions=actions, faces=found, found=found, described=described)


def open_action_set(kind: str, root: Path, *, skip_missing: bool = False) -> ActionSet:
    """Opens a real action set by the files in its folder.

    Args:
        kind: `daly` (`daly1.1.0.pkl`, videos beside it or in `videos`), `jhmdb` (`JHMDB-GT.pkl` and `Frames`, or
            `puppet_mask`, `splits` and `Rename_Images`), or `videos` (videos and `labels.csv`).
        root: the folder.
        skip_missing: leaves out videos of DALY that are not there.

    Raises:
        ContractError: if a file is missing or damaged.
    """
    if kind == "daly":
        from hw_anon.data.daly import DalySet

        videos = root / "videos" if (root / "videos").is_dir() else root
        return DalySet(root / _DALY_LABELS, videos, skip_missing=skip_missing)
    if kind == "jhmdb":
        from hw_anon.data.jhmdb import JhmdbSet, JhmdbTubeSet

        if (root / _JHMDB_LABELS).is_file():
            frames = next((p for p in (root / "Frames", root / "Rename_Images") if p.is_dir()), None)
            if frames is None:
                raise ContractError(f"{root}: holds {_JHMDB_LABELS}, but neither Frames nor Rename_Images")
            return JhmdbTubeSet(root / _JHMDB_LABELS, frames)
        return JhmdbSet(root)
    from hw_anon.data.labelled_videos import LabelledVideos

    return LabelledVideos(root)
