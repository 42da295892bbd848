"""`hw-anon assurance`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from hw_anon.console.output import JsonOption, emit_document, note
from hw_anon.console.places import file_to_write
from hw_anon.core.errors import ConfigError, ContractError

__all__ = ["camera_rtl_sha256", "register"]

_GIT_S = 10.0


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("assurance")(assurance)


def assurance(
    output: Annotated[Path, typer.Argument(help="What prove, fuzz or adversary printed with --json.")],
    command: Annotated[str, typer.Option("--command", help="The command line that printed it.")],
    out: Annotated[
        Path,
        typer.Option("--out", callback=file_to_write, help="File to write, e.g. docs/results/assurance/fuzz-1.json."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Keep a result of prove, fuzz or adversary with the hash of the RTL that is here and its commit.

    Run it on the sources that gave the result: the demonstration's page says which RTL a result belongs to.

    Example: hw-anon assurance fuzz.json --command 'hw-anon fuzz' --out docs/results/assurance/fuzz-1.json
    """
    from hw_anon.evaluate.assurance import Assurance, kind_of

    try:
        document = json.loads(output.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else exc
        raise ContractError(f"{output}: not a JSON document ({why}); give what the command printed, in a file") from exc
    kind = kind_of(document, where=str(output))
    if kind not in command.split():
        raise ConfigError(f"--command {command!r} is no `hw-anon {kind}`, which printed {output}")
    record = {"kind": kind, "command": command, "commit": _commit(), "rtl_sha256": camera_rtl_sha256()}
    Assurance.parse({**record, "output": document}, where=str(output)).save(out)
    if as_json:
        emit_document({"file": str(out), **record})
    else:
        note(f"{kind}: {out}, RTL {record['rtl_sha256'][:16]}, commit {record['commit'] or 'unknown'}")


def camera_rtl_sha256() -> str:
    """Returns the hash of the camera's RTL in these sources, as a camera's manifest has it."""
    from hls.camera import camera_sources
    from hls.lint import RTL_ROOT
    from hw_anon.core.hashing import sha256_files

    return sha256_files(camera_sources(), root=RTL_ROOT)


def _commit() -> str:
    """Returns the commit of the sources, `+changes` behind it if files differ from it; empty outside of a checkout."""
    root = Path(__file__).parents[2]
    words: list[str] = []
    for arguments in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]):
        try:
            done = subprocess.run(
                ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=_GIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        if done.returncode:
            return ""
        words.append(done.stdout.strip())
    return words[0] + ("+changes" if words[1] else "")
