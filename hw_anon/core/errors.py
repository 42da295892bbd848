"""Errors that a user can act on.

Every error that user input, a missing tool or a device can cause derives from `HwAnonError`. The command line
prints its message without a stack trace and exits with its `exit_code`; `assert` stays for invariants.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ConfigError", "ContractError", "DeviceError", "HwAnonError", "ToolError"]

_LOG_TAIL_LINES = 30


class HwAnonError(Exception):
    """Base of all errors raised on purpose; `exit_code` is the command line's exit status."""

    exit_code: int = 1


class ConfigError(HwAnonError):
    """A setting, argument or recipe is wrong; the message names the field, the value and the remedy."""

    exit_code = 2


class ContractError(HwAnonError):
    """A file handed from one room to the next is missing, corrupt or not what its contract says."""

    exit_code = 3


class ToolError(HwAnonError):
    """An external tool is missing or failed.

    Attributes:
        command: the command line that ran, empty if the tool was not found.
        log: what the tool printed, whole.
        returncode: its exit status, `None` if it never ran.
    """

    exit_code = 4

    def __init__(
        self, message: str, *, command: Sequence[str] = (), log: str = "", returncode: int | None = None
    ) -> None:
        self.command = tuple(command)
        self.log = log
        self.returncode = returncode
        parts = [message]
        if command:
            parts.append("command: " + " ".join(command))
        if returncode is not None:
            parts.append(f"exit status: {returncode}")
        if log.strip():
            parts.append("log (tail):\n" + "\n".join(log.rstrip().splitlines()[-_LOG_TAIL_LINES:]))
        super().__init__("\n".join(parts))


class DeviceError(HwAnonError):
    """A board, or a simulated one, did not answer as its design promises."""

    exit_code = 5
