"""Turns whatever ends a command into one clear message and an exit status."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Final

import typer

from hw_anon.console.output import document_pending, emit_document, reserved_stdout
from hw_anon.core.errors import HwAnonError, ToolError

__all__ = ["DEBUG_OPTION", "FILE_SYSTEM_EXIT_CODE", "INTERRUPTED_EXIT_CODE", "run_guarded"]

DEBUG_OPTION: Final = "--debug"
JSON_OPTION: Final = "--json"
FILE_SYSTEM_EXIT_CODE: Final = 6
INTERRUPTED_EXIT_CODE: Final = 130
_SIGNALLED: Final = 128

_OURS = ("hw_anon", "quant", "hls", "host")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def run_guarded(app: typer.Typer, arguments: Sequence[str], *, name: str = "hw-anon") -> int:
    """Runs `app` and returns the exit status; user errors become a message, not a stack trace.

    With `--json` among the arguments, standard output is kept for the one JSON document: the command's, or after an
    error `{"error": {"type", "message", "exit_code"}}`.

    Args:
        app: the commands.
        arguments: the words after the program's name.
        name: the program's name.
    """
    with _termination_as_interrupt(), reserved_stdout() if JSON_OPTION in arguments else nullcontext():
        return _run(app, arguments, name)


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Lets SIGTERM end a command as Ctrl-C does: temporary files are removed on the way out."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _run(app: typer.Typer, arguments: Sequence[str], name: str) -> int:
    debug = DEBUG_OPTION in arguments
    try:
        typer.main.get_command(app).main(args=list(arguments), prog_name=name)
    except SystemExit as exc:  # how typer ends, after --help and usage errors as well
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
        if code == INTERRUPTED_EXIT_CODE:
            return _interrupted()
        if code > _SIGNALLED:  # a signal that ended an open camera's block
            message = f"ended by signal {code - _SIGNALLED}"
            print(f"\n{message}", file=sys.stderr)
            _emit_error("Interrupted", message, code)
            return code
        if code:
            _emit_error("UsageError", "wrong arguments, see standard error", code)
        return code
    except KeyboardInterrupt:
        return _interrupted()
    except HwAnonError as exc:
        return _fail(exc, str(exc), exc.exit_code, debug=debug)
    except ModuleNotFoundError as exc:
        if (missing := _missing_package(exc)) is None:
            raise
        return _fail(missing, str(missing), missing.exit_code, debug=debug)
    except OSError as exc:
        return _fail(exc, describe_os_error(exc), FILE_SYSTEM_EXIT_CODE, debug=debug)
    return 0


def _missing_package(exc: ModuleNotFoundError) -> ToolError | None:
    """Returns the error for a package that is not installed; `None` if it is a module of ours: that is a bug."""
    package = (exc.name or "").partition(".")[0]
    if not package or package in _OURS:
        return None
    error = ToolError(
        f"the Python package that has {package!r} is not installed in this environment; `hw-anon doctor` names the "
        "extra that brings it"
    )
    error.__cause__ = exc
    return error


def describe_os_error(exc: OSError) -> str:
    """Returns what an operating system error means for the user, with the file and a remedy where there is one."""
    where = f": {exc.filename}" if exc.filename else ""
    if exc.errno in _DISK_FULL:
        return f"the disk is full{where}; free some space and run the command again: nothing half-written is kept"
    reason = exc.strerror or str(exc) or type(exc).__name__
    return f"{reason}{where}"


def _interrupted() -> int:
    message = "interrupted; nothing half-written is kept"
    print(f"\n{message}", file=sys.stderr)
    _emit_error("Interrupted", message, INTERRUPTED_EXIT_CODE)
    return INTERRUPTED_EXIT_CODE


def _fail(exc: Exception, message: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(exc, file=sys.stderr)
    print(f"error: {message}", file=sys.stderr)
    _emit_error(type(exc).__name__, message, code)
    return code


def _emit_error(kind: str, message: str, code: int) -> None:
    if document_pending():
        emit_document({"error": {"type": kind, "message": message, "exit_code": code}})
