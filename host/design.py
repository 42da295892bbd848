"""A build directory as the board sees it: complete, unchanged, and the design that it claims to be (P5, provenance)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_file
from hw_anon.core.manifest import DESIGN_ID_DIGITS, Manifest

__all__ = ["Design", "load_design"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """A verified build directory; made by `load_design` only."""

    directory: Path
    """The directory, absolute."""
    manifest: Manifest
    """Its manifest, whose hashes the directory's files were checked against."""

    @property
    def design_id(self) -> str:
        """The design's identity: 16 hex digits."""
        return self.manifest.design_id

    @property
    def bitstream(self) -> Path:
        """The bitstream of a build that vendor tools have finished.

        Raises:
            ContractError: if the build has none, or several, or if files beside it that pynq would take for its own
                (a device tree overlay, `.dtbo`, goes into the running kernel) are none of the build.
        """
        names = [name for name in self.manifest.files if name.endswith(".bit")]
        if len(names) != 1:
            found = ", ".join(names) or "none"
            raise ContractError(
                f"{self.directory} holds {len(names)} bitstreams ({found}), a board needs one: "
                "a build without vendor tools can be simulated, not loaded"
            )
        bitstream = self.directory / names[0]
        beside = {path.relative_to(self.directory).as_posix() for path in bitstream.parent.glob(f"{bitstream.stem}.*")}
        if foreign := sorted(beside - set(self.manifest.files)):
            raise ContractError(
                f"{self.directory} holds {', '.join(foreign)} beside the bitstream, which the manifest does not list "
                "and pynq would load with it: remove it, or get the build again"
            )
        return bitstream

    def require_unchanged(self, names: Iterable[str]) -> None:
        """Refuses a design of which files were exchanged after it was verified.

        Args:
            names: files of the manifest that were used since.

        Raises:
            ContractError: naming the first that is not the manifest's.
        """
        for name in names:
            path = self.directory / name
            if not path.is_file() or sha256_file(path) != self.manifest.files[name]:
                raise ContractError(f"{path} was changed while it was used; get the build again")


def load_design(directory: Path, *, expected_id: str | None = None) -> Design:
    """Opens a build directory after checking every file that its manifest lists.

    Args:
        directory: the build directory, or a copy of it on the board.
        expected_id: the design id that the caller was promised; default: any.

    Raises:
        ConfigError: if `expected_id` is not 16 hex digits.
        ContractError: if the directory is not a finished build, was changed after it was built, or is another design
            than expected.
    """
    if expected_id is not None and (
        len(expected_id) != DESIGN_ID_DIGITS or not set(expected_id) <= set("0123456789abcdef")
    ):
        raise ConfigError(f"expected_id = {expected_id!r}: a design id is {DESIGN_ID_DIGITS} lower-case hex digits")
    manifest = Manifest.load(directory)
    manifest.verify(directory)
    if expected_id is not None and manifest.design_id != expected_id:
        raise ContractError(f"{directory} is design {manifest.design_id}, expected was {expected_id}")
    return Design(directory=directory.resolve(), manifest=manifest)
