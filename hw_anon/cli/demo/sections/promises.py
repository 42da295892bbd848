"""What the camera promises, and what it does not."""

from __future__ import annotations

from hw_anon.cli.demo.sections.section import Section

__all__ = ["section"]


def section() -> Section:
    """Returns the section."""
    return Section(anchor="promises", title="Promised, and not", short="Not promised")
