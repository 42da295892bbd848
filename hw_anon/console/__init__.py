"""What `hw-anon` and `hw-anon-host` share: how commands print, and how they end. typer and rich only."""

from __future__ import annotations
