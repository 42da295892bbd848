"""Every command teaches, speaks JSON, and starts without the heavy libraries."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from typing import Any

import pytest
import typer

from hw_anon.cli import main
from hw_anon.cli.app import make_app
from hw_anon.cli.checks import DISTRIBUTION
from hw_anon.core.boards import BOARDS

CapFd = pytest.CaptureFixture[str]


def _commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(make_app())
    return dict(group.commands)


COMMANDS = _commands()


def _run_json(capfd: CapFd, *arguments: str) -> tuple[int, Any]:
    code = main([*arguments, "--json"])
    return code, json.loads(capfd.readouterr().out)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_and_takes_json(name: str) -> None:
    command = COMMANDS[name]
    assert "Example: hw-anon" in command.help, "help shows what to type"
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options
    undocumented = [p.name for p in command.params if not getattr(p, "help", None) and p.name != "help"]
    assert not undocumented


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)], ids=lambda a: " ".join(a) or "root")
def test_help_needs_no_heavy_library(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "from hw_anon.cli import main\n"
        f"code = main([*{arguments!r}, '--help'])\n"
        "heavy = sorted({'torch', 'finn', 'qonnx', 'brevitas', 'onnx', 'pynq', 'matplotlib'} & set(sys.modules))\n"
        "sys.exit(f'help imported {heavy}' if heavy else code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage: hw-anon" in done.stdout


def test_boards_lists_every_board(capfd: CapFd) -> None:
    code, document = _run_json(capfd, "boards")
    assert code == 0
    assert {board["name"]: board["dsp"] for board in document["boards"]} == {b.name: b.dsp for b in BOARDS.values()}
    assert main(["boards"]) == 0
    table = capfd.readouterr().out
    for board in BOARDS.values():
        assert board.part in table


def test_version_is_the_package_s(capfd: CapFd) -> None:
    from hw_anon import __version__

    assert _run_json(capfd, "version")[1]["hw_anon"] == __version__
    assert main(["version"]) == 0
    assert __version__ in capfd.readouterr().out


def _installed() -> bool:
    try:
        importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@pytest.mark.skipif(not _installed(), reason="missing: hw-anon as an installed package")
def test_doctor_tells_what_is_ready(capfd: CapFd) -> None:
    code, document = _run_json(capfd, "doctor")
    assert code == 0
    assert set(document["ready"]) == {"quant", "hls", "host"}
    not_ok = [c for c in document["checks"] if not c["ok"]]
    assert all(c["remedy"] for c in not_ok)
    for room, ready in document["ready"].items():
        assert main(["doctor", "--room", room]) == (0 if ready else 4)
        capfd.readouterr()


def test_an_unknown_room_is_a_usage_error(capfd: CapFd) -> None:
    assert main(["doctor", "--room", "attic"]) == 2
    assert "attic" in capfd.readouterr().err
