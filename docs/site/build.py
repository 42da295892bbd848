"""Builds the documentation's site: `make site`, or `python docs/site/build.py [--out DIR]` with the extra `docs`.

The pages are the Markdown files of the repository as they are: staged beside each other under the same paths, so that
every link between them holds. Added are the order of the pages, which `docs/index.md` gives by its links, and an API
reference of the modules that the board needs. A broken link or docstring is an error.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["api_modules", "main", "stage"]

ROOT = Path(__file__).parents[2]
STAGED = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "NOTICE", "requirements/README.md")
"""What is staged beside `docs` and `examples`."""
API_ROOMS = ("hw_anon/core", "host")
_LINK = re.compile(r"\]\(([^)#]+\.md)\)")
_NO_MODULES = ("notebooks",)
_REDIRECT = """<!doctype html><meta charset="utf-8"><title>hw-anon</title>
<meta http-equiv="refresh" content="0; url=docs/index.html"><a href="docs/index.html">hw-anon</a>
"""


def api_modules(root: Path) -> list[str]:
    """Returns the modules of the API reference: those of the core and of the host that say what is public."""
    files = (path for room in API_ROOMS for path in sorted((root / room).rglob("*.py")))
    named = (path.relative_to(root) for path in files if "__all__" in path.read_text(encoding="utf-8"))
    kept = (path for path in named if not path.stem.startswith("__main") and not set(path.parts) & set(_NO_MODULES))
    return [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in kept]


def stage(root: Path, place: Path) -> None:
    """Copies the pages of `root` to the empty directory `place` and adds order and API reference.

    Args:
        root: the repository.
        place: the sources of the site.
    """
    for name in STAGED:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, place / name)
    shutil.copytree(root / "examples", place / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    leave = shutil.ignore_patterns("*.py", "site", "*.json", "__pycache__")
    shutil.copytree(root / "docs", place / "docs", ignore=leave)
    modules = api_modules(root)
    for module in modules:
        is_package = (root / module.replace(".", "/")).is_dir()
        _write(
            place / "docs" / "api" / f"{module}.md", [f"# `{module}`", "", *_automodule(module, index=not is_package)]
        )
    intro = ["# API reference", "", "Written from the docstrings of `hw_anon.core` and `host`."]
    _write(place / "docs" / "api" / "index.md", [*intro, "", *_toctree(modules, caption=None)])
    index = place / "docs" / "index.md"
    text = index.read_text(encoding="utf-8")
    _write(index, [text, *_toctree([*dict.fromkeys(_LINK.findall(text)), "api/index.md"], caption="Pages"), ""])


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _automodule(module: str, *, index: bool) -> Iterator[str]:
    """Yields the page of a module; what a package shows again is indexed where it is defined."""
    yield from ("```{eval-rst}", f".. automodule:: {module}", *([] if index else ["   :no-index:"]), "```")


def _toctree(entries: list[str], *, caption: str | None) -> Iterator[str]:
    yield from ("```{toctree}", *([":hidden:", f":caption: {caption}"] if caption else []), "", *entries, "```")


def main(arguments: list[str]) -> int:
    """Builds the site; returns 0 if there was nothing to complain about."""
    from sphinx.cmd.build import main as sphinx

    parser = argparse.ArgumentParser(description="Builds the documentation's site.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="directory of the site")
    out = parser.parse_args(arguments).out.absolute()
    sources = out.with_name(out.name + "-sources")
    for directory in (sources, out):
        shutil.rmtree(directory, ignore_errors=True)
    sources.mkdir(parents=True)
    stage(ROOT, sources)
    options = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(Path(__file__).parent)]
    status = sphinx([*options, "-d", str(sources / ".doctrees"), str(sources), str(out)])
    (out / "index.html").write_text(_REDIRECT, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
