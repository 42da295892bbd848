"""Verilator lint of our own RTL: `python -m hls.lint`, part of `make lint`.

Every module under `hls/rtl` is linted by itself with all warnings on, after the packages (`*_pkg.sv`). A warning that
is meant is waived in `hls/rtl/lint.vlt`, never in the source; each waiver names one file and one rule, and the comment
right above it starts with `// reason:`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hls.sim.toolchain import Toolchain, find_toolchain
from hw_anon.core.errors import ConfigError, HwAnonError, ToolError

__all__ = ["RTL_ROOT", "WAIVER_FILE", "Waiver", "inline_waivers", "lint_module", "lint_tree", "read_waivers"]

RTL_ROOT = Path(__file__).parent / "rtl"
WAIVER_FILE = "lint.vlt"

_FLAGS = ("--lint-only", "-Wall", "--assert", "--no-timing", "--quiet")
_WAIVER = re.compile(r'^lint_off\s+-rule\s+(?P<rule>\w+)\s+-file\s+"(?P<file>[^"]+)"')
_REASON = "// reason:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiver:
    """One warning that is meant."""

    rule: str
    """Verilator's name of the warning."""
    file: str
    """File pattern it is waived in."""
    reason: str
    """Why it is meant."""


def read_waivers(path: Path) -> list[Waiver]:
    """Reads a waiver file.

    Raises:
        ConfigError: if a waiver names no rule, no file or a pattern for many files, or gives no reason.
    """
    waivers: list[Waiver] = []
    reason = ""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip()
        if text.startswith(_REASON):
            reason = text.removeprefix(_REASON).strip()
        elif text.startswith("//") and reason:
            reason += " " + text.removeprefix("//").strip()
        elif text.startswith("lint_off"):
            match = _WAIVER.match(text)
            where = f"{path.name}:{number}"
            if match is None:
                raise ConfigError(f'{where}: a waiver has the form: lint_off -rule RULE -file "*/file.sv" …')
            if not match["file"].endswith((".sv", ".v", ".svh")) or "*" in Path(match["file"]).name:
                raise ConfigError(f"{where}: a waiver names one file, not {match['file']!r}")
            if not reason:
                raise ConfigError(f"{where}: the waiver of {match['rule']} has no `{_REASON} …` line above it")
            waivers.append(Waiver(rule=match["rule"], file=match["file"], reason=reason))
            reason = ""
        else:
            reason = ""
    return waivers


def inline_waivers(sources: Iterable[Path]) -> list[str]:
    """Returns `file:line` of every lint pragma inside a source, where waivers do not belong."""
    return [
        f"{source.name}:{number}"
        for source in sources
        for number, line in enumerate(source.read_text().splitlines(), start=1)
        if re.search(r"verilator\s+lint_(off|on|save|restore)", line)
    ]


def lint_module(
    source: Path,
    toolchain: Toolchain,
    *,
    library_dirs: Iterable[Path],
    waivers: Path | None,
    packages: Iterable[Path] = (),
) -> None:
    """Lints the module in `source` (named as the file) with its default parameters.

    Args:
        source: the module's file.
        toolchain: the tools.
        library_dirs: where modules that it instantiates are found.
        waivers: file of waivers.
        packages: files of the packages that it may import, in order; their parameters need not be used.

    Raises:
        ToolError: if there is a warning; the log holds them all.
    """
    arguments = [*_FLAGS, "--top-module", source.stem]
    for directory in library_dirs:
        arguments += ["-y", str(directory), f"+incdir+{directory}"]
    if waivers is not None:
        arguments.append(str(waivers))
    toolchain.verilate([*arguments, *map(str, packages), str(source)], cwd=source.parent)


def lint_tree(root: Path = RTL_ROOT) -> list[Path]:
    """Lints every module under `root` and returns their files.

    Raises:
        ConfigError: if a waiver is malformed or stands in a source.
        ToolError: if there are warnings; the log holds those of all modules.
    """
    sources = sorted(root.rglob("*.sv"))
    waiver_file = root / WAIVER_FILE
    waivers = waiver_file if waiver_file.is_file() else None
    if waivers is not None:
        read_waivers(waivers)
    if inline := inline_waivers(sources):
        raise ConfigError(f"waivers belong into {WAIVER_FILE}, not into the source: {', '.join(inline)}")
    toolchain = find_toolchain()
    logs: list[str] = []
    packages = [source for source in sources if source.stem.endswith("_pkg")]
    directories = sorted({source.parent for source in sources})
    for source in (source for source in sources if source not in packages):
        try:
            lint_module(source, toolchain, library_dirs=directories, waivers=waivers, packages=packages)
        except ToolError as exc:
            logs.append(exc.log)
    if logs:
        raise ToolError(f"{len(logs)} of {len(sources)} RTL modules have warnings", log="\n".join(logs))
    return sources


def main() -> int:
    """Lints our RTL and returns the exit status."""
    try:
        sources = lint_tree()
    except HwAnonError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return exc.exit_code
    print(f"{len(sources)} RTL modules without a warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
