"""Whatever ends a command becomes one message and an exit status."""

from __future__ import annotations

import ctypes
import errno
import importlib
import json
import os
import signal
from collections.abc import Callable

import pytest
import typer

from hw_anon.console.guard import FILE_SYSTEM_EXIT_CODE, run_guarded
from hw_anon.console.output import JsonOption, emit_document
from hw_anon.core.errors import ConfigError, ContractError, DeviceError, HwAnonError, ToolError

CapFd = pytest.CaptureFixture[str]

FAILURES: dict[str, tuple[Callable[[], BaseException], int, str]] = {
    "base": (lambda: HwAnonError("something"), 1, "something"),
    "config": (lambda: ConfigError("pe = 3: must divide 16"), 2, "pe = 3: must divide 16"),
    "contract": (lambda: ContractError("model.onnx is missing"), 3, "model.onnx is missing"),
    "tool": (lambda: ToolError("g++ failed", command=["g++", "x.cpp"], log="x.cpp:1: oops"), 4, "x.cpp:1: oops"),
    "device": (lambda: DeviceError("no answer within 2 s"), 5, "no answer within 2 s"),
    "full": (lambda: OSError(errno.ENOSPC, "No space left on device", "out/top.v"), 6, "disk is full: out/top.v"),
    "missing": (lambda: FileNotFoundError(errno.ENOENT, "No such file or directory", "x.onnx"), 6, "x.onnx"),
    "package": (lambda: ModuleNotFoundError("No module named 'PIL'", name="PIL.Image"), 4, "'PIL' is not installed"),
    "hangup": (lambda: SystemExit(128 + signal.SIGHUP), 129, "ended by signal 1"),
    "interrupt": (lambda: KeyboardInterrupt(), 130, "interrupted; nothing half-written is kept"),
}


def make_app() -> typer.Typer:
    """An app that fails on demand, and one command that talks too much before its document."""
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.callback()
    def root(debug: bool = False) -> None: ...

    @app.command()
    def fail(kind: str, as_json: JsonOption = False) -> None:
        raise FAILURES[kind][0]()

    @app.command()
    def talk(as_json: JsonOption = False, code: int = 0) -> None:
        print("from Python")
        ctypes.CDLL(None).printf(b"from compiled code\n")
        emit_document({"answer": 42})
        raise typer.Exit(code)

    @app.command()
    def killed() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    return app


@pytest.mark.parametrize("kind", FAILURES)
def test_an_error_is_one_message_and_its_exit_status(kind: str, capfd: CapFd) -> None:
    _, code, message = FAILURES[kind]
    assert run_guarded(make_app(), ["fail", kind]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_a_missing_module_of_ours_is_a_bug() -> None:
    app = make_app()
    app.command("broken")(lambda: importlib.import_module("hls.no_such_module"))
    with pytest.raises(ModuleNotFoundError):
        run_guarded(app, ["broken"])


@pytest.mark.parametrize("kind", [k for k in FAILURES if k not in ("interrupt", "hangup")])
def test_debug_shows_the_stack_trace(kind: str, capfd: CapFd) -> None:
    run_guarded(make_app(), ["--debug", "fail", kind])
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize("kind", FAILURES)
def test_with_json_an_error_is_the_document(kind: str, capfd: CapFd) -> None:
    _, code, message = FAILURES[kind]
    assert run_guarded(make_app(), ["fail", kind, "--json"]) == code
    out, err = capfd.readouterr()
    error = json.loads(out)["error"]
    assert error["exit_code"] == code
    assert message in error["message"]
    assert message in err


def test_a_terminated_command_ends_like_an_interrupted_one(capfd: CapFd) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert run_guarded(make_app(), ["killed"]) == 130
    assert "interrupted" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_usage_error_with_json_is_a_document_as_well(capfd: CapFd) -> None:
    assert run_guarded(make_app(), ["no-such-command", "--json"]) == 2
    out, err = capfd.readouterr()
    assert json.loads(out)["error"]["exit_code"] == 2
    assert "no-such-command" in err


@pytest.mark.parametrize("code", [0, 4])
def test_with_json_standard_output_is_exactly_one_document(code: int, capfd: CapFd) -> None:
    assert run_guarded(make_app(), ["talk", "--json", "--code", str(code)]) == code
    out, err = capfd.readouterr()
    assert json.loads(out) == {"answer": 42}
    assert "from Python" in err
    assert "from compiled code" in err


def test_standard_output_is_given_back_afterwards(capfd: CapFd) -> None:
    run_guarded(make_app(), ["talk", "--json"])
    capfd.readouterr()
    assert run_guarded(make_app(), ["talk"]) == 0
    ctypes.CDLL(None).fflush(None)
    out = capfd.readouterr().out
    assert "from Python" in out
    assert "from compiled code" in out


def test_a_bug_is_not_dressed_up_as_a_user_error() -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_guarded(app, [])


def test_file_system_errors_have_an_exit_status_of_their_own() -> None:
    codes = [e.exit_code for e in (HwAnonError, ConfigError, ContractError, ToolError, DeviceError)]
    assert FILE_SYSTEM_EXIT_CODE not in codes
    assert len(set(codes)) == len(codes)
