"""Identity sets: pictures of known people with the face found in each, as every privacy measurement takes them.

The face (box and landmarks) comes from the *original* picture and is used on the modified one as well. That favours
the attacker, who would have to find it on the modified picture, and so keeps numbers of different methods comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import MIN_REGION, Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.att import ATT_HEIGHT, ATT_WIDTH
from hw_anon.data.face_detectors import Candidate, Yunet
from hw_anon.data.weights import import_cv2

__all__ = [
    "TEMPLATE_112",
    "IdentityFaces",
    "Locate",
    "align_crop",
    "att_identity_faces",
    "face_finder",
    "find_faces",
    "region_of",
    "with_faces",
]

Locate = Callable[[NDArray[np.uint8]], Sequence[Candidate]]
"""Finds the faces of a `[H, W, 3]` uint8 RGB picture."""

ATT_PAD = 24
ATT_SCALE = 3

TEMPLATE_112 = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Where the five landmarks lie in an aligned 112×112 face (x, y): the 112×96 template, 8 columns to the right."""


def face_finder(*, min_score: float = 0.6) -> Yunet:
    """Returns the detector that locates faces in portraits: YuNet on pictures brought to 480 pixels.

    Args:
        min_score: faces below this confidence are left out.

    Raises:
        ToolError: if OpenCV or the weights are missing.
    """
    import_cv2()
    return Yunet(min_score=min_score, long_sides=(480,), max_enlargement=4.0, overlap=0.3)


def region_of(face: Candidate, picture: NDArray[np.uint8], enlarge: float) -> Box:
    """Returns the face's box scaled by `enlarge` about its centre and clipped to the picture.

    Raises:
        ContractError: if less than the smallest region lies in the picture.
    """
    box, (height, width) = face.box, picture.shape[:2]
    sides = [max(MIN_REGION, round(side * enlarge)) for side in (box.width, box.height)]
    left, top = round(box.x + (box.width - sides[0]) / 2), round(box.y + (box.height - sides[1]) / 2)
    clipped = Box(x=left, y=top, width=sides[0], height=sides[1]).clipped(width, height)
    if clipped is None or min(clipped.width, clipped.height) < MIN_REGION:
        raise ContractError(f"the face at {box} lies outside its picture of {width}×{height} pixels")
    return clipped


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IdentityFaces:
    """Pictures of known people, one face in each."""

    name: str
    """Name of the data set in reports."""
    pictures: tuple[NDArray[np.uint8], ...]
    """`[H, W, 3]` uint8 RGB each."""
    people: NDArray[np.int64]
    """`[N]` person of each picture."""
    faces: tuple[Candidate, ...]
    """The face in each."""
    regions: tuple[Box, ...]
    """The part of each picture that an anonymiser replaces."""
    not_found: int = 0
    """Pictures left out because no face was found in them."""
    enlarge: float | None = None
    """Side of the regions over that of the faces' boxes, before clipping; `None` if they were made otherwise."""

    def __post_init__(self) -> None:
        if not len(self.pictures) == len(self.people) == len(self.faces) == len(self.regions):
            raise ContractError("an identity set needs person, face and region of every picture")

    def __len__(self) -> int:
        return len(self.pictures)

    def subset(self, people: int, *, seed: int = 0) -> IdentityFaces:
        """Returns all pictures of `people` people drawn by `seed`.

        Raises:
            ConfigError: if the set has fewer people.
        """
        identities = np.unique(self.people)
        if not 1 <= people <= len(identities):
            raise ConfigError(f"people = {people}: {self.name} has 1 to {len(identities)}")
        kept = np.random.default_rng(seed).permutation(identities)[:people]
        return self.at(np.flatnonzero(np.isin(self.people, kept)))

    def at(self, index: NDArray[np.int64]) -> IdentityFaces:
        """Returns the pictures at those places."""
        return replace(
            self,
            pictures=tuple(self.pictures[i] for i in index),
            people=self.people[index],
            faces=tuple(self.faces[i] for i in index),
            regions=tuple(self.regions[i] for i in index),
        )


def find_faces(
    name: str,
    pictures: Sequence[NDArray[np.uint8]],
    people: NDArray[np.int64],
    *,
    enlarge: float = 1.6,
    locate: Locate | None = None,
) -> IdentityFaces:
    """Finds the face in each picture; pictures without one are left out and counted.

    Where several are found, the one with the largest product of area and score is taken.

    Args:
        name: name of the data set.
        pictures: `[H, W, 3]` uint8 RGB each.
        people: `[N]` person of each.
        enlarge: side of the replaced region over that of the box; the paper takes 1.6.
        locate: the detector; that of `face_finder` if not given.

    Raises:
        ConfigError: if `enlarge` is out of range.
        ContractError: if no picture shows a face.
        ToolError: if the detector is missing.
    """
    find = locate or face_finder().find
    found = [
        max(faces, key=lambda face: face.box.area * face.score) if (faces := find(picture)) else None
        for picture in pictures
    ]
    return with_faces(name, pictures, people, found, enlarge=enlarge)


def with_faces(
    name: str,
    pictures: Sequence[NDArray[np.uint8]],
    people: NDArray[np.int64],
    found: Sequence[Candidate | None],
    *,
    enlarge: float,
) -> IdentityFaces:
    """Makes an identity set of pictures whose faces are known; those without one are left out and counted.

    Args:
        name: name of the data set.
        pictures: `[H, W, 3]` uint8 RGB each.
        people: `[N]` person of each.
        found: the face in each, `None` where there is none.
        enlarge: side of the replaced region over that of the box.

    Raises:
        ConfigError: if `enlarge` is out of range.
        ContractError: if no picture shows a face.
    """
    if not 0.5 <= enlarge <= 4:
        raise ConfigError(f"enlarge = {enlarge}: allowed range is 0.5 to 4")
    kept = [(index, face) for index, face in enumerate(found) if face is not None]
    if not kept:
        raise ContractError(f"{name}: no face was found in any of {len(pictures)} pictures")
    return IdentityFaces(
        name=name,
        pictures=tuple(pictures[index] for index, _ in kept),
        people=np.asarray(people)[[index for index, _ in kept]],
        faces=tuple(face for _, face in kept),
        regions=tuple(region_of(face, pictures[index], enlarge) for index, face in kept),
        not_found=len(pictures) - len(kept),
        enlarge=enlarge,
    )


def att_identity_faces(
    faces: NDArray[np.uint8],
    *,
    name: str = "att",
    people: int | None = None,
    enlarge: float = 1.2,
    seed: int = 0,
    locate: Locate | None = None,
) -> IdentityFaces:
    """Makes an identity set of the AT&T faces.

    The pictures are cut so tightly that a detector wants more background: they are padded by repeating their border
    and enlarged three times. Regions are 1.2 times the box for the same reason; 1.6 times is nearly all there is.

    Args:
        faces: `[people, pictures, 112, 92]` uint8 grey from `load_att_faces`.
        name: what the set is called in results.
        people: how many people, all if not given.
        enlarge: side of the replaced region over that of the box.
        seed: which people, if not all.
        locate: the detector; that of `face_finder` if not given.
    """
    if faces.ndim != 4 or faces.shape[2:] != (ATT_HEIGHT, ATT_WIDTH) or faces.dtype != np.uint8:
        raise ContractError(f"expected uint8 [people, pictures, {ATT_HEIGHT}, {ATT_WIDTH}], got {list(faces.shape)}")
    if people is not None and not 1 <= people <= len(faces):
        raise ConfigError(f"people = {people}: the AT&T faces have 1 to {len(faces)}")
    kept = np.sort(np.random.default_rng(seed).permutation(len(faces))[:people])
    cv2 = import_cv2()

    def enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        padded = np.pad(picture, ATT_PAD, mode="edge")
        large = cv2.resize(padded, None, fx=ATT_SCALE, fy=ATT_SCALE, interpolation=cv2.INTER_CUBIC)
        return np.repeat(np.asarray(large, np.uint8)[..., None], 3, axis=-1)

    pictures = [enlarged(picture) for person in kept for picture in faces[person]]
    return find_faces(name, pictures, np.repeat(kept, faces.shape[1]), enlarge=enlarge, locate=locate)


def align_crop(
    picture: NDArray[np.uint8], landmarks: Sequence[tuple[float, float]], *, side: int = 112
) -> NDArray[np.uint8]:
    """Cuts an aligned face out: the similarity transform that brings the landmarks closest to the template.

    Args:
        picture: `[H, W, 3]` uint8.
        landmarks: five (x, y): eyes, nose, corners of the mouth; what is on the left in the picture first.
        side: side of the result in pixels.

    Returns:
        `[side, side, 3]` uint8; black outside the picture.

    Raises:
        ContractError: if all landmarks are in one place.
    """
    cv2 = import_cv2()
    large = cv2.warpAffine(np.ascontiguousarray(picture), _similarity(landmarks), (112, 112), flags=cv2.INTER_LINEAR)
    result: Any = large if side == 112 else cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(result, np.uint8)


def _similarity(landmarks: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Least-squares similarity (no reflection) onto the template, `[2, 3]`: Umeyama 1991 in complex numbers."""
    source, target = (points[:, 0] + 1j * points[:, 1] for points in (np.asarray(landmarks), TEMPLATE_112))
    centred = source - source.mean()
    spread = float(np.sum(np.abs(centred) ** 2))
    if not spread > 0:
        raise ContractError("all landmarks of a face are in one place")
    turn = np.sum(np.conj(centred) * (target - target.mean())) / spread
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
