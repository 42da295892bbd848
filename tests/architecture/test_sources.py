"""House rules that no linter knows: sizes, machine paths, locks, lint waivers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 500
MAX_FILE_BYTES = 2 * 2**20
LARGER = {
    "hw_anon/data/synthetic/body.npz": 5 * 2**20,  # mesh, targets and skin that synthetic people are drawn from
    "hw_anon/weights/action-0/detector.safetensors": 5 * 2**20,  # the action detector, 16-bit floats
    "hw_anon/weights/action-chip/detector.safetensors": 5 * 2**20,  # the same behind the chip's modifier
}
"""Bytes allowed for files that have a reason to be larger."""
# Written so that this file does not match itself.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:tmp|work|farm|root|home)/" + r"\w")
REGISTRY_HOST = re.compile(r"pypi\.(?:org|python)|python" + r"hosted|--(?:extra-)?index" + r"-url|--find" + r"-links")
PRIVATE_KEY = re.compile(r"BEGIN (?:[A-Z]+ )?PRIVATE" + r" KEY")
PIN = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+")


def _tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("missing: the git checkout")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # a binary file


def _matches(paths: Iterable[Path], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(_text(path).splitlines(), start=1)
        if pattern.search(line)
    ]


def test_source_files_stay_readable() -> None:
    sources = [p for p in _tracked() if p.suffix in {".py", ".sv", ".cpp", ".h"}]
    long = {str(p.relative_to(ROOT)): n for p in sources if (n := len(p.read_text().splitlines())) > MAX_LINES}
    assert not long, "split these by concept"


def test_tracked_files_are_small() -> None:
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in _tracked()}
    large = {name: size for name, size in sizes.items() if size > LARGER.get(name, MAX_FILE_BYTES)}
    assert not large, "data and build output do not belong into the repository"
    assert LARGER.keys() <= sizes.keys(), "an exception for a file that is gone"


def test_no_path_of_one_machine() -> None:
    assert not _matches(_tracked(), MACHINE_PATH)


@pytest.mark.parametrize("prefix", ["tmp", "work", "root", "home"])
def test_the_path_check_sees_paths(prefix: str) -> None:
    assert MACHINE_PATH.search(f"open('/{prefix}/build/x')")
    assert not MACHINE_PATH.search(f"docs/{prefix}/build")


def test_no_registry_is_named() -> None:
    assert not _matches(_tracked(), REGISTRY_HOST)


def test_no_private_key_is_in_the_repository() -> None:
    assert not _matches(_tracked(), PRIVATE_KEY)
    assert PRIVATE_KEY.search("-----BEGIN " + "PRIVATE KEY-----")


@pytest.mark.parametrize("lock", ["main.lock", "board.lock", "docs.lock"])
def test_locks_hold_exact_versions_only(lock: str) -> None:
    lines = (ROOT / "requirements" / lock).read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 20
    assert not [line for line in pins if not PIN.fullmatch(line)]


def test_the_two_environments_differ_in_what_keeps_them_apart() -> None:
    def numpy_of(lock: str) -> int:
        match = re.search(r"^numpy==(\d+)", (ROOT / "requirements" / lock).read_text(), re.MULTILINE)
        assert match
        return int(match[1])

    assert numpy_of("board.lock") == 1, "pynq needs numpy below 2"
    assert numpy_of("main.lock") == 2, "FINN+ needs numpy 2"
