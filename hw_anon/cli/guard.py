"""How the commands end, see `hw_anon.console.guard`."""

from __future__ import annotations

from hw_anon.console.guard import DEBUG_OPTION, FILE_SYSTEM_EXIT_CODE, INTERRUPTED_EXIT_CODE, run_guarded

__all__ = ["DEBUG_OPTION", "FILE_SYSTEM_EXIT_CODE", "INTERRUPTED_EXIT_CODE", "run_guarded"]
