"""Signatures: what was signed is what is read, by the key that is trusted, and nothing else passes."""

from __future__ import annotations

import builtins
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest
from hw_anon.core.signature import (
    Signature,
    generate_key,
    key_id,
    public_key_path,
    sign_manifest,
    verify_manifest,
)

pytest.importorskip("cryptography", reason="cryptography is not installed (extra synth or board)")


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A finished build directory."""
    directory = tmp_path / "build"
    (directory / "rtl").mkdir(parents=True)
    (directory / "rtl" / "top.v").write_text("module top; endmodule\n")
    Manifest.create(directory, inputs={"model": "0" * 64}, tools={"yosys": "0.70"}, config={"w": 1}).save(directory)
    return directory


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private key; its public half stands beside it."""
    generate_key(tmp_path / "keys" / "release.key")
    return tmp_path / "keys" / "release.key"


@pytest.fixture
def signed(build: Path, key: Path) -> Path:
    """The build, signed."""
    sign_manifest(build, key)
    return build


def test_a_signed_build_passes_and_gives_what_was_signed(signed: Path, key: Path) -> None:
    manifest = verify_manifest(signed, public_key_path(key))
    assert manifest == Manifest.load(signed)
    manifest.verify(signed, allow_extra=False)


def test_signing_twice_gives_equal_bytes(signed: Path, key: Path) -> None:
    before = (signed / SIGNATURE_FILE).read_bytes()
    sign_manifest(signed, key)
    assert (signed / SIGNATURE_FILE).read_bytes() == before


def test_a_new_manifest_does_not_list_the_old_signature(signed: Path) -> None:
    again = Manifest.create(signed, inputs={"model": "0" * 64}, tools={"yosys": "0.70"}, config={"w": 1})
    assert set(again.files) == {"rtl/top.v"}


def test_every_changed_byte_of_the_manifest_is_noticed(signed: Path, key: Path) -> None:
    path = signed / MANIFEST_FILE
    data = path.read_bytes()
    for index in range(0, len(data), 7):
        path.write_bytes(data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :])
        with pytest.raises(ContractError, match="is not what key"):
            verify_manifest(signed, public_key_path(key))
    path.write_bytes(data + b"\n")  # the same JSON, other bytes
    with pytest.raises(ContractError, match="is not what key"):
        verify_manifest(signed, public_key_path(key))


def test_a_changed_file_is_noticed_through_the_signed_manifest(signed: Path, key: Path) -> None:
    (signed / "rtl" / "top.v").write_text("module top; /* bypass */ endmodule\n")
    with pytest.raises(ContractError, match=r"changed: rtl/top\.v"):
        verify_manifest(signed, public_key_path(key)).verify(signed)


def test_every_changed_byte_of_the_signature_is_noticed(signed: Path, key: Path) -> None:
    raw = json.loads((signed / SIGNATURE_FILE).read_text())
    good = bytes.fromhex(raw["signature"])
    for index in range(64):
        bad = good[:index] + bytes([good[index] ^ 1]) + good[index + 1 :]
        (signed / SIGNATURE_FILE).write_text(json.dumps({**raw, "signature": bad.hex()}))
        with pytest.raises(ContractError, match="is not what key"):
            verify_manifest(signed, public_key_path(key))


def test_another_key_is_refused_even_under_a_false_name(signed: Path, key: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    generate_key(other)
    with pytest.raises(ContractError, match=rf"signed by key {key_id(key)}, trusted is {key_id(other)}"):
        verify_manifest(signed, public_key_path(other))
    raw = json.loads((signed / SIGNATURE_FILE).read_text())
    (signed / SIGNATURE_FILE).write_text(json.dumps({**raw, "key_id": key_id(other)}))
    with pytest.raises(ContractError, match="is not what key"):
        verify_manifest(signed, public_key_path(other))


def test_an_unsigned_build_is_refused(build: Path, key: Path) -> None:
    with pytest.raises(ContractError, match=r"manifest\.sig is missing: the build is not signed"):
        verify_manifest(build, public_key_path(key))


def test_what_is_no_build_is_neither_signed_nor_verified(tmp_path: Path, key: Path) -> None:
    for call in (lambda: sign_manifest(tmp_path, key), lambda: verify_manifest(tmp_path, public_key_path(key))):
        with pytest.raises(ContractError, match="is not a finished build"):
            call()


def test_a_damaged_build_is_not_signed(build: Path, key: Path) -> None:
    (build / "rtl" / "top.v").write_text("")
    with pytest.raises(ContractError, match=r"changed: rtl/top\.v"):
        sign_manifest(build, key)
    assert not (build / SIGNATURE_FILE).exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": "zz" * 64},
        {"signature": "00" * 63},
        {"signature": 7},
        {"key_id": None},
        {"extra": 1},
    ],
)
def test_malformed_signatures_are_refused(signed: Path, key: Path, changed: dict[str, Any]) -> None:
    raw = json.loads((signed / SIGNATURE_FILE).read_text())
    (signed / SIGNATURE_FILE).write_text(json.dumps({**raw, **changed}))
    with pytest.raises(ContractError, match="is not a signature"):
        verify_manifest(signed, public_key_path(key))


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"\xff\xfe", b'{"key_id": "x"}'])
def test_other_content_is_no_signature(signed: Path, data: bytes) -> None:
    (signed / SIGNATURE_FILE).write_bytes(data)
    with pytest.raises(ContractError, match="is not a signature"):
        Signature.load(signed)


@pytest.mark.parametrize("changed", [{"algorithm": "none"}, {"version": 2}, {"version": "1"}])
def test_no_other_algorithm_or_format_is_accepted(signed: Path, key: Path, changed: dict[str, Any]) -> None:
    raw = json.loads((signed / SIGNATURE_FILE).read_text())
    (signed / SIGNATURE_FILE).write_text(json.dumps({**raw, **changed}))
    with pytest.raises(ContractError, match="this release reads ed25519, format 1"):
        verify_manifest(signed, public_key_path(key))


def test_the_private_key_is_its_owners_alone(key: Path) -> None:
    before = os.umask(0)
    try:
        generate_key(key.with_name("second.key"))
    finally:
        os.umask(before)
    for path in (key, key.with_name("second.key")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in key.parent.iterdir()) == [
        "release.key",
        "release.key.pub",
        "second.key",
        "second.key.pub",
    ]
    assert key_id(key) == key_id(public_key_path(key)) != key_id(key.with_name("second.key"))


def test_a_private_key_that_others_can_read_is_not_used(build: Path, key: Path) -> None:
    key.chmod(0o640)
    with pytest.raises(ConfigError, match="can be read by others"):
        sign_manifest(build, key)
    with pytest.raises(ConfigError, match="can be read by others"):
        key_id(key)


def test_no_key_is_overwritten(key: Path) -> None:
    before = key.read_bytes()
    with pytest.raises(ConfigError, match="never overwritten"):
        generate_key(key)
    public_key_path(key).unlink()
    with pytest.raises(ConfigError, match="never overwritten"):
        generate_key(key)
    assert key.read_bytes() == before
    assert not public_key_path(key).exists()


def test_no_key_is_written_into_a_repository(tmp_path: Path) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    with pytest.raises(ConfigError, match="lies in the git checkout"):
        generate_key(tmp_path / "project" / "keys" / "a.key")
    assert not (tmp_path / "project" / "keys").exists()


def _foreign_keys(directory: Path) -> tuple[Path, Path]:
    """Keys of another algorithm."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import x25519

    key = x25519.X25519PrivateKey.generate()
    private, public = directory / "x.key", directory / "x.pub"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    private.chmod(0o600)
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


def test_what_is_no_ed25519_key_is_refused(build: Path, signed: Path, key: Path, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(b"not a key")
    junk.chmod(0o600)
    private, public = _foreign_keys(tmp_path)
    for path, message in (
        (tmp_path / "nowhere", "cannot be read"),
        (junk, "holds no private key"),
        (public_key_path(key), "can be read by others"),
        (private, "is no Ed25519 key"),
    ):
        with pytest.raises(ConfigError, match=message):
            sign_manifest(build, path)
    for path, message in (
        (tmp_path / "nowhere", "cannot be read"),
        (junk, "holds no public key"),
        (key, "holds no public key"),
        (public, "is no Ed25519 key"),
    ):
        with pytest.raises(ConfigError, match=message):
            verify_manifest(signed, path)


def test_without_cryptography_the_remedy_is_named(
    signed: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    for call in (
        lambda: verify_manifest(signed, public_key_path(key)),
        lambda: sign_manifest(signed, key),
        lambda: generate_key(tmp_path / "new.key"),
        lambda: key_id(key),
    ):
        with pytest.raises(ToolError, match=r"pip install 'hw-anon\[board\]'"):
            call()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="missing: openssl")
def test_another_implementation_agrees(signed: Path, key: Path, tmp_path: Path) -> None:
    """`openssl` verifies our signature over the file as it is: nothing about the format is our own."""
    raw = tmp_path / "raw.sig"
    raw.write_bytes(bytes.fromhex(Signature.load(signed).signature))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public_key_path(key), "-rawin"]
    good = subprocess.run([*command, "-in", signed / MANIFEST_FILE, "-sigfile", raw], capture_output=True, check=False)
    assert good.returncode == 0, good.stderr
    (tmp_path / "other").write_bytes((signed / MANIFEST_FILE).read_bytes() + b" ")
    bad = subprocess.run([*command, "-in", tmp_path / "other", "-sigfile", raw], capture_output=True, check=False)
    assert bad.returncode != 0
