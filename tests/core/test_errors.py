"""The error types: exit codes and what a tool's failure says."""

from __future__ import annotations

import pytest

from hw_anon.core.errors import ConfigError, ContractError, DeviceError, HwAnonError, ToolError


def test_exit_codes_are_distinct_and_stable() -> None:
    codes = {kind: kind.exit_code for kind in (HwAnonError, ConfigError, ContractError, ToolError, DeviceError)}
    assert list(codes.values()) == [1, 2, 3, 4, 5]
    assert all(issubclass(kind, HwAnonError) for kind in codes)


def test_tool_error_shows_command_status_and_the_end_of_the_log() -> None:
    log = "\n".join(f"line {i}" for i in range(100))
    error = ToolError("it failed", command=["make", "all"], log=log, returncode=2)
    text = str(error)
    assert text.startswith("it failed\ncommand: make all\nexit status: 2\n")
    assert "line 99" in text
    assert "line 69" not in text, "the message shows the tail"
    assert error.log == log, "the attribute keeps the whole"
    assert (error.command, error.returncode) == (("make", "all"), 2)


def test_tool_error_without_details_is_its_message() -> None:
    assert str(ToolError("verilator is not installed", log=" \n")) == "verilator is not installed"


def test_success_status_is_shown_too() -> None:
    """0 is a status, not an absent one."""
    assert "exit status: 0" in str(ToolError("made no output", returncode=0))


@pytest.mark.parametrize("kind", [ConfigError, ContractError, DeviceError])
def test_plain_errors_carry_their_message(kind: type[HwAnonError]) -> None:
    assert str(kind("why")) == "why"
