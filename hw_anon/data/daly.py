"""DALY: daily actions in 510 YouTube videos, 10 classes, with boxes on key frames.

`daly1.1.0.pkl` holds `labels` (the 10 actions), `splits` (a list whose first entry names the test videos) and
`annot[video]["annot"][action][i]` with `flags` and `keyframes`; a key frame has `frameNumber` (from 1) and
`boundingBox` (`[[left, top, right, bottom]]`, 0 to 1). The videos are downloads of their own; those that are gone from
the internet can be left out.

Source: P. Weinzaepfel et al., "Human action localization with sparse spatial supervision", 2016.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_file
from hw_anon.data.pickled import as_mapping, as_sequence, entry
from hw_anon.data.safe_pickle import load_pickle
from hw_anon.data.samples import ActionBox, ActionClip, ActionSet, natural_key
from hw_anon.data.video import OpenVideos, VideoFolder

__all__ = ["DALY_ACTIONS", "DalySet"]

DALY_ACTIONS = (
    "ApplyingMakeUpOnLips",
    "BrushingTeeth",
    "CleaningFloor",
    "CleaningWindows",
    "Drinking",
    "FoldingTextile",
    "Ironing",
    "Phoning",
    "PlayingHarmonica",
    "TakingPhotosOrVideos",
)
"""The 10 classes, in the order of the paper's Table 1."""

_EDGE_SLACK = 0.1  # hand-drawn boxes may stick out a little; boxes in pixels are far above


class DalySet(ActionSet):
    """The key frames of DALY."""

    one_reader = True

    def __init__(
        self, annotations: Path, videos: Path, *, skip_missing: bool = False, skip_flags: Collection[str] = ()
    ) -> None:
        """Reads the annotations and finds the videos; none is opened.

        Args:
            annotations: `daly1.1.0.pkl`.
            videos: the folder of videos.
            skip_missing: leaves out videos that are not there instead of failing; `missing` then names them.
            skip_flags: leaves out performances with one of these flags, e.g. `isReflection`.

        Raises:
            ContractError: if the annotations are missing, damaged or of another form, or a video is missing.
        """
        place = str(annotations)
        content = as_mapping(load_pickle(annotations), place)
        labels = [str(label) for label in as_sequence(entry(content, "labels", place), f"{place}: labels")]
        if sorted(labels) != sorted(DALY_ACTIONS):
            raise ContractError(f"{place}: labels are {labels}; expected {list(DALY_ACTIONS)}")
        splits = as_sequence(entry(content, "splits", place), f"{place}: splits")
        if not splits:
            raise ContractError(f"{place}: splits is empty; expected the list of test videos in it")
        test = {_bare(name) for name in as_sequence(splits[0], f"{place}: splits[0]")}
        annotated = as_mapping(entry(content, "annot", place), f"{place}: annot")
        unknown = sorted(test - {_bare(name) for name in annotated})
        if unknown:
            raise ContractError(f"{annotations}: the test video {unknown[0]!r} has no annotation")
        folder = VideoFolder(videos)
        self._paths: dict[str, Path] = {}
        self._labels: dict[str, dict[int, tuple[ActionBox, ...]]] = {}
        self._open = OpenVideos()
        missing: list[str] = []
        clips: list[ActionClip] = []
        for name in sorted(map(str, annotated), key=natural_key):
            try:
                self._paths[name] = folder.find(name)
            except ContractError:
                if not skip_missing:
                    raise
                missing.append(name)
                continue
            self._labels[name] = _video_labels(annotated[name], frozenset(skip_flags), f"{place}: {name}")
            split = "test" if _bare(name) in test else "train"
            clips.append(ActionClip(name=name, split=split, frames=tuple(sorted(self._labels[name]))))
        if not clips:
            raise ContractError(f"{videos}: holds none of the {len(missing)} videos of DALY")
        super().__init__(title="DALY", actions=DALY_ACTIONS, clips=clips)
        self.missing = tuple(missing)
        """Videos that were left out because they are not there."""

    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        """Returns the labels of one key frame, see `ActionSet.boxes`."""
        labels = self._labels.get(clip.name, {})
        if number not in labels:
            raise ConfigError(f"DALY: frame {number} of {clip.name} is not a key frame")
        return labels[number]

    def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
        """Decodes one frame, see `ActionSet.picture`."""
        return self._open.picture(self._path(clip.name), number)

    def content_hash(self, clip: ActionClip) -> str:
        """Returns the hash of the video file."""
        return sha256_file(self._path(clip.name))

    def close(self) -> None:
        """Closes the videos that are open; reading opens them again."""
        self._open.close()

    def _path(self, name: str) -> Path:
        if name not in self._paths:
            raise ConfigError(f"DALY: {name!r} is not one of its videos")
        return self._paths[name]


def _bare(name: object) -> str:
    return str(name).removesuffix(".mp4")


def _video_labels(video: object, skip_flags: frozenset[str], where: str) -> dict[int, tuple[ActionBox, ...]]:
    """Returns the labels of each key frame of a video."""
    labels: dict[int, list[ActionBox]] = {}
    instance = 0
    performances = as_mapping(entry(as_mapping(video, where), "annot", where), f"{where}: annot")
    for name in sorted(map(str, performances)):
        if name not in DALY_ACTIONS:
            raise ContractError(f"{where}: unknown action {name!r}")
        for index, raw in enumerate(as_sequence(performances[name], f"{where}: {name}")):
            place = f"{where}: {name}[{index}]"
            performance = as_mapping(raw, place)
            flags = as_mapping(performance.get("flags", {}), f"{place}: flags")
            instance += 1
            if any(flags.get(flag) for flag in skip_flags):
                continue
            for raw_frame in as_sequence(entry(performance, "keyframes", place), f"{place}: keyframes"):
                number, box = _keyframe(as_mapping(raw_frame, place), DALY_ACTIONS.index(name), instance - 1, place)
                labels.setdefault(number, []).append(box)
    return {number: tuple(boxes) for number, boxes in labels.items()}


def _keyframe(frame: Mapping[object, object], action: int, instance: int, where: str) -> tuple[int, ActionBox]:
    number = entry(frame, "frameNumber", where)
    if not isinstance(number, int | np.integer) or number < 1:
        raise ContractError(f"{where}: frameNumber is {number!r}; frames are numbered from 1")
    where = f"{where}: frame {int(number)}"
    try:
        raw = np.asarray(entry(frame, "boundingBox", where), np.float64).reshape(-1)
    except (TypeError, ValueError) as exc:
        raise ContractError(f"{where}: boundingBox holds no numbers") from exc
    if raw.size != 4 or not ((raw >= -_EDGE_SLACK) & (raw <= 1 + _EDGE_SLACK)).all():
        raise ContractError(f"{where}: boundingBox is {raw.tolist()}; expected left, top, right, bottom within 0 to 1")
    left, top, right, bottom = raw.clip(0, 1).tolist()
    if not (left < right and top < bottom):
        raise ContractError(f"{where}: boundingBox {raw.tolist()} is empty")
    return int(number), ActionBox(left=left, top=top, right=right, bottom=bottom, action=action, instance=instance)
