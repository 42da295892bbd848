"""A folder for each person, pictures in it: the plainest identity set there is.

The worked example is the AT&T set as its archive unpacks, `s1/1.pgm … s40/10.pgm` (`write_att_folder` makes that tree
from the package that ships it); CASIA-WebFace unpacks the same way (`hw_anon.data.casia`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.atomic import atomic_directory
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_files
from hw_anon.data.images import image_files, read_picture, require_utf8
from hw_anon.data.samples import IdentitySample, IdentitySet, natural_key, require_directory, require_file

__all__ = ["FolderIdentities", "write_att_folder"]

_ALL = slice(None)


class FolderIdentities(IdentitySet):
    """One folder for each person, named after them; folders and pictures are sorted naturally."""

    def __init__(self, root: Path, *, title: str | None = None, min_pictures: int = 1) -> None:
        """Lists the set without decoding a picture.

        Args:
            root: the folder of folders.
            title: name for reports, the folder's own by default.
            min_pictures: people with fewer pictures are left out, unless it is 1: then an empty folder is an error.

        Raises:
            ConfigError: if `min_pictures` is below 1.
            ContractError: if the folder is missing, holds no people, a person has no picture, or a name is not UTF-8.
        """
        if min_pictures < 1:
            raise ConfigError(f"min_pictures = {min_pictures}: allowed range is 1 and above")
        require_directory(root, "a folder that holds one folder of pictures for each person")
        people = []
        for path in root.iterdir():
            if path.is_dir() and not path.name.startswith("."):
                require_utf8(path)
                people.append(path)
        if not people:
            loose = len(image_files(root))
            hint = f"it holds {loose} pictures: put each person's into a folder of its own" if loose else "it is empty"
            raise ContractError(f"{root}: expected one folder of pictures for each person, but {hint}")
        identities: list[str] = []
        samples: list[IdentitySample] = []
        for person in sorted(people, key=lambda path: natural_key(path.name)):
            names = sorted((path.name for path in image_files(person)), key=natural_key)
            if not names and min_pictures == 1:
                raise ContractError(f"{person}: holds no picture; delete the folder or complete the set")
            if len(names) >= min_pictures:
                samples += [IdentitySample(name=f"{person.name}/{n}", identity=len(identities)) for n in names]
                identities.append(person.name)
        if not identities:
            raise ContractError(f"{root}: none of its {len(people)} people has {min_pictures} pictures")
        super().__init__(title=title or root.name, identities=identities, samples=samples)
        self.root = root
        """The folder of folders."""

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Decodes one picture, see `IdentitySet.picture`."""
        return read_picture(self.root / self.samples[index].name)

    def content_hash(self, identity: int) -> str:
        """Returns one hash over a person's files, see `IdentitySet.content_hash`."""
        paths = [self.root / self.samples[index].name for index in self.of_identity[identity]]
        for path in paths:
            require_file(path, "a picture that was there when the set was opened")
        return sha256_files(paths, root=self.root)


def write_att_folder(faces: NDArray[np.uint8], root: Path, *, people: slice = _ALL) -> None:
    """Writes the AT&T faces as the tree that their original archive unpacks to, whole or not at all.

    Args:
        faces: `[people, pictures, H, W]` uint8 grey, from `hw_anon.data.att.load_att_faces`.
        root: the folder to make; an earlier one is replaced.
        people: whom of them.

    Raises:
        ContractError: if `faces` has another shape or dtype.
    """
    if faces.ndim != 4 or faces.dtype != np.uint8:
        raise ContractError(f"faces are {faces.dtype} {list(faces.shape)}; expected uint8 [people, pictures, H, W]")
    height, width = faces.shape[2:]
    with atomic_directory(root) as fresh:
        for person in range(len(faces))[people]:
            folder = fresh / f"s{person + 1}"
            folder.mkdir()
            for number, picture in enumerate(faces[person], start=1):
                (folder / f"{number}.pgm").write_bytes(f"P5\n{width} {height}\n255\n".encode() + picture.tobytes())
