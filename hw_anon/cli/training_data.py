"""What `hw-anon train` learns from, by name, read into memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    from hw_anon.data.banks import FaceBank, FrameBank
    from hw_anon.data.clip_sources import ClipSource
    from hw_anon.data.people_sources import PeopleSource
    from hw_anon.train.loop import TrainingData

__all__ = ["DataOptions", "Watch", "load_training_data", "parse_frame_size"]

Watch = Callable[[str], Callable[[int, int], None]]
"""Begins a progress bar and returns what moves it."""

_FRAME_SIZE = re.compile(r"([1-9]\d*)x([1-9]\d*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class DataOptions:
    """What is read, and how much of it."""

    people: str
    """Set of people, see `data.people_sources`."""
    clips: str
    """Set of clips, see `data.clip_sources`."""
    work: Path
    """Working directory, for downloads."""
    face_boxes: Path
    """Cache of the faces that were found."""
    portrait_size: int = 128
    """Side of portraits in memory."""
    frame_size: tuple[int, int] | None = None
    """Rows and columns into which frames are fitted."""
    every: int = 1
    """Of each clip, every so-manieth labelled frame."""
    max_people: int | None = None
    """Only so many people."""
    max_pictures: int | None = None
    """Only so many pictures of each."""
    held_out: float = 0.1
    """Share of real people who are held out."""
    skip_missing: bool = False
    """Whether videos that are not there are left out."""
    threads: int = 1
    """Threads that decode."""


def parse_frame_size(text: str | None) -> tuple[int, int] | None:
    """Returns rows and columns of `COLUMNSxROWS`, e.g. `320x240`.

    Raises:
        ConfigError: if it is something else.
    """
    if text is None:
        return None
    match = _FRAME_SIZE.fullmatch(text)
    if match is None:
        raise ConfigError(f"--frame-size {text!r}: expected columns x rows, e.g. 320x240")
    return int(match[2]), int(match[1])


def load_training_data(options: DataOptions, watch: Watch) -> tuple[TrainingData, dict[str, Any]]:
    """Reads both splits of people and clips into memory.

    Args:
        options: what is read.
        watch: begins a progress bar.

    Returns:
        The data, and what they are, for results.

    Raises:
        ConfigError: if there is no such set.
        ContractError: if a file is missing or damaged.
        ToolError: if a package is missing.
    """
    from hw_anon.core.hashing import sha256_bytes
    from hw_anon.data.clip_sources import open_clip_source
    from hw_anon.data.people_sources import RealPeople, open_people_source
    from hw_anon.train.loop import TrainingData
    from hw_anon.train.validate import HeldOut

    real = RealPeople(
        face_boxes=options.face_boxes,
        downloads=options.work / "downloads",
        people=options.max_people,
        pictures=options.max_pictures,
        held_out=options.held_out,
    )
    people = open_people_source(options.people, real)
    clips = open_clip_source(options.clips, face_boxes=options.face_boxes, skip_missing=options.skip_missing)
    faces = _faces(people, options, watch)
    frames = _frames(clips, options, watch)
    described = {
        **_described("people", people.described, people.index_hash, faces),
        **_described("clips", clips.described, clips.index_hash, frames),
        "portrait_size": options.portrait_size,
        "every": options.every,
    }
    if options.frame_size is not None:
        described["frame_size"] = list(options.frame_size)
    name = sha256_bytes(repr(sorted(described.items())).encode())
    held_out = HeldOut(faces=faces[1], frames=frames[1])
    return TrainingData(faces=faces[0], frames=frames[0], held_out=held_out, name=name), described


def _faces(people: PeopleSource, options: DataOptions, watch: Watch) -> list[FaceBank]:
    return [
        part.bank(
            options.portrait_size,
            threads=options.threads,
            on_faces=watch(f"faces of people, {split}"),
            on_pictures=watch(f"portraits, {split}"),
        )
        for split, part in people.parts.items()
    ]


def _frames(clips: ClipSource, options: DataOptions, watch: Watch) -> list[FrameBank]:
    return [
        clips.bank(
            split,
            every=options.every,
            frame_size=options.frame_size,
            threads=options.threads,
            on_faces=watch(f"faces in clips, {split}"),
            on_frames=watch(f"frames, {split}"),
        )
        for split in ("train", "test")
    ]


def _described(
    what: str, described: dict[str, Any], index_hash: str | None, banks: list[FaceBank] | list[FrameBank]
) -> dict[str, Any]:
    """Returns what results say of a set: the hash of its index, or of what was read with the faces that were found."""
    from hw_anon.core.hashing import sha256_bytes

    if index_hash is not None:
        return {what: index_hash}
    parts = [f"{bank.content_hash()} {getattr(bank, 'regions', '')}" for bank in banks]
    return {what: {**described, "content": sha256_bytes("\n".join(parts).encode())}}
