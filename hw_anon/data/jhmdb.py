"""JHMDB: 928 short clips of 21 actions, one actor each, labelled in every frame.

Two forms of the labels are read. `JhmdbSet` takes the original ones: a puppet mask for each clip
(`puppet_mask/<class>/<video>/puppet_mask.mat`, `part_mask` of H×W×T; the box is what encloses the mask, and the last
mask goes on where the clip is longer) and lists (`splits/<class>_test_split1.txt`, lines `video.avi 1` for training and
`2` for testing). `JhmdbTubeSet` takes `JHMDB-GT.pkl`, in which others have put the same boxes.

Source: H. Jhuang et al., "Towards understanding action recognition", 2013.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_files
from hw_anon.data.images import image_files, read_picture
from hw_anon.data.pickled import as_mapping, as_sequence, entry
from hw_anon.data.puppet_masks import Edges, mask_boxes, read_puppet_mask
from hw_anon.data.safe_pickle import load_pickle
from hw_anon.data.samples import (
    ActionBox,
    ActionClip,
    ActionSet,
    natural_key,
    read_lines,
    require_directory,
    require_file,
)

__all__ = ["JHMDB_ACTIONS", "JhmdbSet", "JhmdbTubeSet", "read_split"]

JHMDB_ACTIONS = (
    "brush_hair",
    "catch",
    "clap",
    "climb_stairs",
    "golf",
    "jump",
    "kick_ball",
    "pick",
    "pour",
    "pullup",
    "push",
    "run",
    "shoot_ball",
    "shoot_bow",
    "shoot_gun",
    "sit",
    "stand",
    "swing_baseball",
    "throw",
    "walk",
    "wave",
)
"""The 21 classes."""

_RESOLUTION = (240, 320)
"""Rows and columns of all its clips; used where the labels do not say."""
_SPLIT_NAMES = {"1": "train", "2": "test"}


class _JhmdbFrames(ActionSet):
    """Clips as folders of numbered pictures, `<class>/<video>/00001.png`."""

    def __init__(self, *, frames: Path, actions: Sequence[str], clips: Sequence[ActionClip]) -> None:
        super().__init__(title="JHMDB", actions=actions, clips=clips)
        self._frames = frames
        self._listed: dict[str, dict[int, Path]] = {}

    def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
        """Decodes one frame, see `ActionSet.picture`."""
        paths = self._paths(clip.name)
        if number not in paths:
            raise ContractError(f"{self._frames / clip.name}: frame {number} ({number:05d}.png) is missing")
        return read_picture(paths[number])

    def content_hash(self, clip: ActionClip) -> str:
        """Returns one hash over the clip's pictures."""
        return sha256_files(self._paths(clip.name).values(), root=self._frames)

    def _paths(self, name: str) -> dict[int, Path]:
        if name not in self._listed:
            self._listed[name] = _numbered_pictures(self._frames / name)
        return self._listed[name]

    def _require_frame(self, clip: ActionClip, number: int) -> None:
        if number not in clip.frames:
            raise ConfigError(f"JHMDB: frame {number} of {clip.name} is not labelled")


class JhmdbSet(_JhmdbFrames):
    """JHMDB with its puppet masks."""

    def __init__(self, root: Path, *, split: int = 1, frames: Path | None = None) -> None:
        """Reads the lists and counts the pictures; masks are read when they are asked for.

        Args:
            root: the folder with `puppet_mask` and `splits`.
            split: which of the three splits; the paper uses the first.
            frames: the folder of pictures, `Rename_Images` in `root` by default.

        Raises:
            ConfigError: if `split` is not 1, 2 or 3.
            ContractError: if lists, pictures or masks are missing, or a list is malformed.
        """
        _require_split(split)
        pictures = require_directory(frames or root / "Rename_Images", "the frames of JHMDB, <class>/<video>/00001.png")
        self._masks = require_directory(root / "puppet_mask", "the puppet masks, <class>/<video>/puppet_mask.mat")
        clips = []
        for action in JHMDB_ACTIONS:
            for video, name in read_split(root / "splits" / f"{action}_test_split{split}.txt").items():
                clip = f"{action}/{video}"
                require_file(self._masks / clip / "puppet_mask.mat", "the puppet mask of the clip")
                numbers = tuple(_numbered_pictures(pictures / clip))
                clips.append(ActionClip(name=clip, split=name, frames=numbers))
        clips.sort(key=lambda clip: natural_key(clip.name))
        super().__init__(frames=pictures, actions=JHMDB_ACTIONS, clips=clips)
        self._edges: dict[str, tuple[Edges | None, ...]] = {}

    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        """Returns the box around the mask, none where the mask is empty; see `ActionSet.boxes`."""
        self._require_frame(clip, number)
        if clip.name not in self._edges:
            self._edges[clip.name] = mask_boxes(read_puppet_mask(self._masks / clip.name / "puppet_mask.mat"))
        edges = self._edges[clip.name]
        found = edges[min(number, len(edges)) - 1]
        if found is None:
            return ()
        left, top, right, bottom = found
        action = JHMDB_ACTIONS.index(clip.name.split("/")[0])
        return (ActionBox(left=left, top=top, right=right, bottom=bottom, action=action),)


class JhmdbTubeSet(_JhmdbFrames):
    """JHMDB with the boxes of `JHMDB-GT.pkl`."""

    def __init__(self, annotations: Path, frames: Path, *, split: int = 1) -> None:
        """Reads the labels and checks them; no picture is opened.

        Args:
            annotations: `JHMDB-GT.pkl`: `labels`, `gttubes[video][class]` (arrays of frame, x1, y1, x2, y2 in pixels),
                `nframes`, `train_videos`, `test_videos`, and perhaps `resolution[video]` (rows, columns).
            frames: the folder of pictures, `<class>/<video>/00001.png`.
            split: which of the splits; the paper uses the first.

        Raises:
            ConfigError: if `split` is not 1, 2 or 3.
            ContractError: if files are missing, or the labels are damaged or of another form.
        """
        _require_split(split)
        require_directory(frames, "the frames of JHMDB, <class>/<video>/00001.png")
        place = str(annotations)
        content = as_mapping(load_pickle(annotations), place)
        actions = tuple(str(label) for label in as_sequence(entry(content, "labels", place), f"{place}: labels"))
        tubes = as_mapping(entry(content, "gttubes", place), f"{place}: gttubes")
        counts = as_mapping(entry(content, "nframes", place), f"{place}: nframes")
        sizes = as_mapping(content.get("resolution", {}), f"{place}: resolution")
        self._labels: dict[str, dict[int, tuple[ActionBox, ...]]] = {}
        clips = []
        for name in ("train", "test"):
            lists = as_sequence(entry(content, f"{name}_videos", place), f"{place}: {name}_videos")
            if len(lists) < split:
                raise ContractError(f"{place}: {name}_videos has {len(lists)} splits; split {split} was asked for")
            for video in map(str, as_sequence(lists[split - 1], f"{place}: {name}_videos[{split - 1}]")):
                where = f"{place}: {video}"
                if video in self._labels:
                    raise ContractError(f"{where}: is listed twice in split {split}")
                count = entry(counts, video, f"{place}: nframes")
                if not isinstance(count, int | np.integer) or count < 1:
                    raise ContractError(f"{where}: nframes is {count!r}; expected 1 or more")
                require_directory(frames / video, f"the {count} frames of a clip")
                size = _resolution(sizes.get(video, _RESOLUTION), where)
                of_video = as_mapping(entry(tubes, video, f"{place}: gttubes"), where)
                self._labels[video] = _tube_labels(of_video, len(actions), int(count), size, where)
                clips.append(ActionClip(name=video, split=name, frames=tuple(sorted(self._labels[video]))))
        clips.sort(key=lambda clip: natural_key(clip.name))
        super().__init__(frames=frames, actions=actions, clips=clips)

    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        """Returns the labels of one frame, see `ActionSet.boxes`."""
        self._require_frame(clip, number)
        return self._labels[clip.name][number]


def read_split(path: Path) -> dict[str, str]:
    """Reads the list of one class.

    Returns:
        `train` or `test` by the video's name without suffix, in the order of the list.

    Raises:
        ContractError: if it is missing or a line is not `video.avi 1` or `video.avi 2`; the message has its number.
    """
    require_file(path, "a split of JHMDB, lines 'video.avi 1' (train) or 'video.avi 2' (test)")
    videos: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split()
        if len(columns) != 2 or not columns[0].endswith(".avi") or columns[1] not in _SPLIT_NAMES:
            raise ContractError(f"{path}:{number}: expected 'video.avi 1' or 'video.avi 2', got {line[:80]!r}")
        name = columns[0].removesuffix(".avi")
        if "/" in name or name in videos:
            raise ContractError(f"{path}:{number}: {columns[0]!r} is no plain file name or is listed twice")
        videos[name] = _SPLIT_NAMES[columns[1]]
    if not videos:
        raise ContractError(f"{path}: lists no videos")
    return videos


def _numbered_pictures(folder: Path) -> dict[int, Path]:
    """Returns the pictures of a clip by number, which must go from 1 without a gap."""
    require_directory(folder, "the frames of a clip, 00001.png and so on")
    paths: dict[int, Path] = {}
    for path in image_files(folder):
        if not path.stem.isdecimal():
            raise ContractError(f"{path}: the frames of a clip are called 00001.png, 00002.png and so on")
        number = int(path.stem)
        if number in paths:
            raise ContractError(f"{folder}: frame {number} is there twice ({paths[number].name}, {path.name})")
        paths[number] = path
    if not paths:
        raise ContractError(f"{folder}: holds no frames")
    gaps = set(range(1, max(paths) + 1)) - set(paths)
    if gaps or 0 in paths:
        raise ContractError(f"{folder}: frame {min(gaps, default=0)} is missing; frames are numbered from 1")
    return dict(sorted(paths.items()))


def _resolution(value: object, where: str) -> tuple[int, int]:
    size = as_sequence(value, f"{where}: resolution")
    if len(size) != 2 or not all(isinstance(side, int | np.integer) and side > 0 for side in size):
        raise ContractError(f"{where}: resolution is {list(size)}; expected rows, columns")
    return int(size[0]), int(size[1])  # type: ignore[call-overload]


def _tube_labels(
    tubes: Mapping[object, object], actions: int, count: int, size: tuple[int, int], where: str
) -> dict[int, tuple[ActionBox, ...]]:
    """Returns the boxes of each frame of a clip."""
    labels: dict[int, list[ActionBox]] = {}
    instance = 0
    for action, of_action in sorted(tubes.items(), key=lambda item: str(item[0])):
        if not isinstance(action, int | np.integer) or not 0 <= action < actions:
            raise ContractError(f"{where}: class {action!r} is none of the {actions} labels")
        for tube in as_sequence(of_action, f"{where}: class {action}"):
            if not isinstance(tube, np.ndarray) or tube.dtype.kind not in "iuf" or tube.ndim != 2 or tube.shape[1] != 5:
                raise ContractError(f"{where}: a tube is no array of frame, x1, y1, x2, y2")
            for row in tube.astype(np.float64).tolist():
                number, box = _tube_box(row, int(action), instance, count, size, where)
                labels.setdefault(number, []).append(box)
            instance += 1
    return {number: tuple(boxes) for number, boxes in labels.items()}


def _tube_box(
    row: list[float], action: int, instance: int, count: int, size: tuple[int, int], where: str
) -> tuple[int, ActionBox]:
    height, width = size
    if not np.isfinite(row).all() or row[0] != int(row[0]) or not 1 <= row[0] <= count:
        raise ContractError(f"{where}: a box is in frame {row[0]:g}; frames are numbered 1 to {count}")
    edges = np.clip([row[1] / width, row[2] / height, row[3] / width, row[4] / height], 0, 1).tolist()
    left, top, right, bottom = edges
    if not (left < right and top < bottom):
        raise ContractError(f"{where}: frame {row[0]:g}: box {row[1:]} is empty in a frame of {width}×{height}")
    return int(row[0]), ActionBox(left=left, top=top, right=right, bottom=bottom, action=action, instance=instance)


def _require_split(split: int) -> None:
    if split not in (1, 2, 3):
        raise ConfigError(f"split = {split!r}: allowed values are 1, 2, 3")
