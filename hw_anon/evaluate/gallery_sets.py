"""The galleries of the paper from whole data sets: faces before and after, one person often, actions, frames over time.

Which people and clips are shown follows from a seed, never from how they look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError
from hw_anon.data.samples import ActionClip, ActionSet
from hw_anon.evaluate.baselines import BASELINE_NAMES, make_baseline
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.gallery import Gallery, GalleryMethod, make_gallery

__all__ = ["RegionsOf", "action_galleries", "face_galleries"]

RegionsOf = Callable[[ActionClip, int, int, int], Sequence[Box]]
"""Returns the regions that are replaced in a clip's frame: clip, number of the frame, its width and height."""


def face_galleries(
    faces: IdentityFaces,
    methods: Sequence[GalleryMethod],
    *,
    people: int = 2,
    columns: int = 8,
    seed: int = 0,
    command: str = "",
) -> list[Gallery]:
    """Makes the paper's Figure 5 (different people) and Figure 6 (pictures of one person) of an identity set.

    Args:
        faces: the identity set.
        methods: one row each, below the originals.
        people: how many people have a gallery of their own.
        columns: pictures in a row, fewer where there are fewer.
        seed: which people and pictures.
        command: the command that makes them.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(np.unique(faces.people))
    first = [int(generator.choice(np.flatnonzero(faces.people == person))) for person in order[:columns]]
    note = f"{faces.name}: the replaced region of one picture each of {len(first)} people, drawn by seed {seed}."
    galleries = [
        _close_ups(faces, first, methods, f"figure5-{faces.name}", "Faces before and after (Figure 5)", note, command)
    ]
    for number, person in enumerate(order[:people], start=1):
        shown = np.flatnonzero(faces.people == person)[:columns].tolist()
        note = f"{faces.name}: {len(shown)} pictures of one person, drawn by seed {seed}."
        name, title = f"figure6-{faces.name}-{number}", f"Pictures of one person, {number} (Figure 6, above)"
        galleries.append(_close_ups(faces, shown, methods, name, title, note, command))
    return galleries


def action_galleries(
    clips: ActionSet,
    regions_of: RegionsOf,
    methods: Sequence[GalleryMethod],
    *,
    split: str = "test",
    over_time: int = 2,
    columns: int = 6,
    seed: int = 0,
    command: str = "",
) -> list[Gallery]:
    """Makes the paper's Figure 3 (a frame of several clips) and the lower part of Figure 6 (frames of one clip).

    Args:
        clips: the action set.
        regions_of: the regions that are replaced in a frame.
        methods: one row each, below the originals.
        split: `train` or `test`.
        over_time: how many clips have a gallery of their own.
        columns: clips, or frames of a clip, in a row.
        seed: which clips.
        command: the command that makes them.

    Raises:
        ConfigError: if no clip of that split shows a face.
    """
    order = np.random.default_rng(seed).permutation(len(clips.of_split(split))).tolist()
    chosen = [clips.of_split(split)[index] for index in order]
    shown = [clip for clip in chosen if _shows_face(clips, regions_of, clip)][: max(columns, over_time)]
    if not shown:
        raise ConfigError(f"{clips.title}: no clip of split {split} shows a face in its middle frame")
    middle = [(clip, clip.frames[len(clip.frames) // 2]) for clip in shown[:columns]]
    note = f"{clips.title}: the middle frame of {len(middle)} clips, drawn by seed {seed}."
    frames = [clips.picture(*place) for place in middle]
    regions = [_regions(regions_of, *place, frame.shape) for place, frame in zip(middle, frames, strict=True)]
    galleries = [
        make_gallery(
            frames, regions, _with_original(methods), columns=[_action(clips, *place) for place in middle],
            name="figure3-actions", title="Actions (Figure 3)", note=note, side=200, command=command,
        )
    ]  # fmt: skip
    for number, clip in enumerate(shown[:over_time], start=1):
        galleries.append(_over_time(clips, regions_of, clip, methods, columns, number, command))
    return galleries


def _over_time(
    clips: ActionSet,
    regions_of: RegionsOf,
    clip: ActionClip,
    methods: Sequence[GalleryMethod],
    columns: int,
    number: int,
    command: str,
) -> Gallery:
    picked = np.unique(np.linspace(0, len(clip.frames) - 1, columns).round().astype(int))
    numbers = [clip.frames[index] for index in picked]
    frames = [clips.picture(clip, frame) for frame in numbers]
    regions = [_regions(regions_of, clip, n, frame.shape) for n, frame in zip(numbers, frames, strict=True)]
    window = _around([region for listed in regions for region in listed], frames[0].shape)
    return make_gallery(
        frames,
        regions,
        _with_original(methods),
        columns=[f"frame {frame}" for frame in numbers],
        window=[window] * len(frames),
        name=f"figure6-clip-{number}",
        title=f"Frames of one clip, {number}: {_action(clips, clip, numbers[0])} (Figure 6, below)",
        note=f"{clips.title}: the part of the frames of clip {clip.name} that holds the face.",
        command=command,
    )


def _close_ups(
    faces: IdentityFaces,
    indices: Sequence[int],
    methods: Sequence[GalleryMethod],
    name: str,
    title: str,
    note: str,
    command: str,
) -> Gallery:
    regions = [faces.regions[index] for index in indices]
    return make_gallery(
        [faces.pictures[index] for index in indices],
        [[region] for region in regions],
        _with_original(methods),
        columns=[str(number + 1) for number in range(len(indices))],
        window=regions,
        side=112,
        name=name,
        title=title,
        note=note,
        command=command,
    )


def _with_original(methods: Sequence[GalleryMethod]) -> list[GalleryMethod]:
    original = BASELINE_NAMES[0]
    rest = [method for method in methods if method.backend.name != original]
    return [GalleryMethod(backend=make_baseline(original), crop_side=256), *rest]


def _shows_face(clips: ActionSet, regions_of: RegionsOf, clip: ActionClip) -> bool:
    number = clip.frames[len(clip.frames) // 2]
    return bool(_regions(regions_of, clip, number, clips.picture(clip, number).shape))


def _regions(regions_of: RegionsOf, clip: ActionClip, number: int, shape: Sequence[int]) -> Sequence[Box]:
    return regions_of(clip, number, shape[1], shape[0])


def _action(clips: ActionSet, clip: ActionClip, number: int) -> str:
    boxes = clips.boxes(clip, number)
    return clips.actions[boxes[0].action].replace("_", " ") if boxes else clip.name


def _around(regions: Sequence[Box], shape: Sequence[int]) -> Box:
    """A square window around all regions, their middle in its middle as far as the frame has room."""
    left, top = min(box.x for box in regions), min(box.y for box in regions)
    right, bottom = max(box.right for box in regions), max(box.bottom for box in regions)
    side = min(max(right - left, bottom - top), shape[0], shape[1])
    x = min(max((left + right - side) // 2, 0), shape[1] - side)
    y = min(max((top + bottom - side) // 2, 0), shape[0] - side)
    return Box(x=x, y=y, width=side, height=side)
