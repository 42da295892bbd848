"""hw-anon: a camera that cannot show a face."""

from __future__ import annotations

__version__ = "0.1.0"
