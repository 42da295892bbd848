"""The `hw-anon` command line.

One module per command (`hw_anon/cli/<command>.py`) with a `register(app)` function; `app.py` lists them. A command
module imports torch, FINN and the rooms inside its functions only, so that `hw-anon --help` is instant and works in
the board environment.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status.

    Args:
        arguments: the words after `hw-anon`; default: those of this process.
    """
    from hw_anon.cli.app import make_app
    from hw_anon.cli.noise import drop_known_noise
    from hw_anon.console.guard import run_guarded

    drop_known_noise()
    return run_guarded(make_app(), list(sys.argv[1:] if arguments is None else arguments))
