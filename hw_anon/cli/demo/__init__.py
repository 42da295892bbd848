"""`hw-anon demo`: the main job once, from a video to anonymised frames and actions, and the page about it."""

from __future__ import annotations

from hw_anon.cli.demo.command import register

__all__ = ["register"]
