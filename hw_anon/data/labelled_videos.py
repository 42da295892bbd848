"""A folder of videos and a list of what happens in them: the plainest action set there is.

`labels.csv` lies beside the videos and begins with the line `video,split,frame,left,top,right,bottom,action`. A line is
one box in one frame: the video's file name, `train` or `test` (the same in all lines of a video), the frame's number
from 1, the edges in parts of the frame's width and height (0 to 1), and the action's name. A line without edges and
action says that nobody is seen in that frame.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_file
from hw_anon.data.samples import ActionBox, ActionClip, ActionSet, natural_key, read_lines, require_file
from hw_anon.data.video import OpenVideos, VideoFolder

__all__ = ["COLUMNS", "LABELS_FILE", "LabelledVideos"]

LABELS_FILE = "labels.csv"
"""Name of the list."""
COLUMNS = ("video", "split", "frame", "left", "top", "right", "bottom", "action")
"""Its columns."""

_Row = tuple[str, str, int, tuple[float, float, float, float] | None, str]


class LabelledVideos(ActionSet):
    """Videos with a list of boxes."""

    one_reader = True

    def __init__(self, root: Path) -> None:
        """Reads the list and finds the videos; none is opened.

        Args:
            root: the folder.

        Raises:
            ContractError: if the list is missing or malformed (with the line's number), or a video is missing.
        """
        path = require_file(root / LABELS_FILE, f"the list of labels, columns {','.join(COLUMNS)}")
        rows = _read(path)
        folder = VideoFolder(root)
        actions = sorted({row[4] for row in rows if row[3] is not None}, key=natural_key)
        if not actions:
            raise ContractError(f"{path}: names no action")
        splits: dict[str, str] = {}
        self._labels: dict[str, dict[int, tuple[ActionBox, ...]]] = {}
        for line, (video, split, number, edges, action) in enumerate(rows, start=2):
            if splits.setdefault(video, split) != split:
                raise ContractError(f"{path}:{line}: {video} is in both splits; each video belongs to one")
            boxes = self._labels.setdefault(video, {}).setdefault(number, ())
            if edges is not None:
                self._labels[video][number] = (*boxes, _box(edges, actions.index(action), f"{path}:{line}"))
        self._paths = {video: folder.find(video) for video in splits}
        clips = [
            ActionClip(name=video, split=splits[video], frames=tuple(sorted(self._labels[video])))
            for video in sorted(splits, key=natural_key)
        ]
        super().__init__(title=root.name, actions=actions, clips=clips)
        self._open = OpenVideos()

    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        """Returns the labels of one frame, see `ActionSet.boxes`."""
        labels = self._labels.get(clip.name, {})
        if number not in labels:
            raise ConfigError(f"{self.title}: frame {number} of {clip.name} is not labelled")
        return labels[number]

    def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
        """Decodes one frame, see `ActionSet.picture`."""
        return self._open.picture(self._paths[clip.name], number)

    def content_hash(self, clip: ActionClip) -> str:
        """Returns the hash of the video file."""
        return sha256_file(self._paths[clip.name])


def _read(path: Path) -> list[_Row]:
    lines = read_lines(path)
    if not lines or tuple(next(csv.reader(lines[:1]))) != COLUMNS:
        raise ContractError(f"{path}:1: expected the line {','.join(COLUMNS)}")
    return [_row(cells, f"{path}:{number}") for number, cells in enumerate(csv.reader(lines[1:]), start=2)]


def _row(cells: list[str], where: str) -> _Row:
    if len(cells) != len(COLUMNS):
        raise ContractError(f"{where}: {len(cells)} columns; expected {len(COLUMNS)}")
    video, split, number, *edges, action = (cell.strip() for cell in cells)
    if split not in ("train", "test"):
        raise ContractError(f"{where}: split {split!r}; expected train or test")
    if not video or not number.isdecimal() or int(number) < 1:
        raise ContractError(f"{where}: video {video!r}, frame {number!r}; expected a name and a number from 1")
    if not any(edges) and not action:
        return video, split, int(number), None, ""
    try:
        left, top, right, bottom = map(float, edges)
    except ValueError as exc:
        raise ContractError(f"{where}: edges {edges} are no numbers") from exc
    if not action:
        raise ContractError(f"{where}: the box has no action")
    return video, split, int(number), (left, top, right, bottom), action


def _box(edges: tuple[float, float, float, float], action: int, where: str) -> ActionBox:
    left, top, right, bottom = edges
    try:
        return ActionBox(left=left, top=top, right=right, bottom=bottom, action=action)
    except ConfigError as exc:
        raise ContractError(f"{where}: {exc}") from exc
