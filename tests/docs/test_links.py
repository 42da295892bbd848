"""Every link of every page leads somewhere: files exist, headings exist, nothing is linked by an absolute path."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
_ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:")


def _pages() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("missing: the git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def anchors(text: str) -> set[str]:
    """Returns the anchors that a git host gives the headings of a page."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(slug if not seen[slug] else f"{slug}-{seen[slug]}")
        seen[slug] += 1
    return found


def links(text: str) -> list[str]:
    """Returns the targets of a page's links and pictures, code left out."""
    return _LINK.findall(_CODE.sub(lambda m: "`" + "x" * (len(m[0]) - 2) + "`", _FENCE.sub("", text)))


def broken(page: Path, text: str, root: Path) -> Iterator[str]:
    """Yields what is wrong with the links of a page."""
    for link in links(text):
        if _ELSEWHERE.match(link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if name.startswith("/") or not target.is_relative_to(root):
            yield f"{link}: not inside the repository"
        elif not target.exists():
            yield f"{link}: no such file"
        elif anchor and anchor not in anchors(text if target == page else target.read_text(encoding="utf-8")):
            yield f"{link}: no such heading"


def test_every_link_leads_somewhere() -> None:
    pages = _pages()
    assert len(pages) > 15
    wrong = {
        page.relative_to(ROOT).as_posix(): bad
        for page in pages
        if (bad := list(broken(page, page.read_text(encoding="utf-8"), ROOT)))
    }
    assert not wrong


def test_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        names = [link.partition("#")[0] for link in links(page.read_text(encoding="utf-8"))]
        waiting += [t for n in names if n.endswith(".md") and (t := (page.parent / n).resolve()).is_file()]
    assert set((ROOT / "docs").glob("*.md")) <= reached


def test_broken_links_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# One `two`, three!\n\n## Twice\n## Twice\n")
    page = tmp_path / "a.md"
    good = (
        "[x](b.md#one-two-three) [y](b.md#twice-1) [z](#here) `[c](gone.md)` ![p](b.md) [out](mailto:a@b.c)\n# Here\n"
    )
    page.write_text(good + "```\n[c](gone.md)\n```\n")
    assert not list(broken(page, page.read_text(), tmp_path))
    bad = "[a](gone.md) [b](b.md#four) [c](/b.md) [d](../b.md) [`e`](#there)"
    assert [line.partition(": ")[2] for line in broken(page, bad, tmp_path)] == [
        "no such file",
        "no such heading",
        "not inside the repository",
        "not inside the repository",
        "no such heading",
    ]
