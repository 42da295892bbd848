"""Signatures of builds: a detached Ed25519 signature of a manifest (P5, provenance).

The manifest holds the hash of every file of a build, so that one signature over the manifest's bytes, just as they are
in the file, vouches for the whole directory. It stands beside it in `manifest.sig`. Keys are PEM files as other tools
write and read them (`openssl genpkey -algorithm ed25519`); the private one is readable by its owner only.

Signing and verifying need the `cryptography` package; importing this module does not.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.core.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519

__all__ = [
    "ALGORITHM",
    "Signature",
    "generate_key",
    "key_id",
    "public_key_path",
    "sign_manifest",
    "verify_manifest",
]

ALGORITHM = "ed25519"
"""The only algorithm: nothing about it is negotiated."""
_FORMAT = 1
_KEY_ID_DIGITS = 16
_SIGNATURE_BYTES = 64
_PRIVATE_MODE = 0o600


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """What `manifest.sig` holds."""

    key_id: str
    """Identity of the key that signed, see `key_id`: says which key to fetch, proves nothing."""
    signature: str
    """64 bytes in hexadecimal digits: Ed25519 (RFC 8032) over the bytes of `manifest.json`."""
    algorithm: str = ALGORITHM
    """Always `ed25519`."""
    version: int = _FORMAT
    """Format version of this file."""

    def save(self, directory: Path) -> Path:
        """Writes `manifest.sig` into `directory` atomically and returns its path."""
        path = directory / SIGNATURE_FILE
        write_text_atomically(path, json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")
        return path

    @classmethod
    def load(cls, directory: Path) -> Signature:
        """Reads the signature of a build directory.

        Raises:
            ContractError: if it is missing, malformed or of another format or algorithm.
        """
        path = directory / SIGNATURE_FILE
        if not path.is_file():
            raise ContractError(f"{path} is missing: the build is not signed; sign it with: hw-anon sign")
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            found = cls(**raw)
            texts = (found.key_id, found.signature, found.algorithm)
            if (
                not all(isinstance(text, str) for text in texts)
                or len(bytes.fromhex(found.signature)) != _SIGNATURE_BYTES
            ):
                raise ValueError("a field has the wrong form")
        except (ValueError, TypeError) as exc:
            raise ContractError(f"{path} is not a signature ({exc!r}); sign the build again") from exc
        if (found.version, found.algorithm) != (_FORMAT, ALGORITHM):
            raise ContractError(
                f"{path} is {found.algorithm}, format {found.version}; this release reads {ALGORITHM}, format {_FORMAT}"
            )
        return found


def public_key_path(private: Path) -> Path:
    """Returns where `generate_key` puts the public half of a private key: `NAME.pub` beside it."""
    return private.with_name(private.name + ".pub")


def generate_key(private: Path) -> Path:
    """Makes a key pair: the private key at `private` (PKCS#8, mode 0600), the public one beside it.

    Returns:
        The public key's path.

    Raises:
        ConfigError: if one of the two files exists (no key is ever overwritten) or the place is a git checkout's.
        ToolError: if `cryptography` is missing.
    """
    _require_cryptography()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    public = public_key_path(private)
    for path in (private, public):
        if path.exists():
            raise ConfigError(f"{path} exists; a key is never overwritten: name another file, or remove it yourself")
    for parent in private.absolute().parents:
        if (parent / ".git").exists():
            raise ConfigError(f"{private} lies in the git checkout {parent}; keep private keys outside of repositories")
    key = ed25519.Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_private(private, secret)
    open_part = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_text_atomically(public, open_part.decode())
    return public


def key_id(key: Path) -> str:
    """Returns the identity of a key, private or public: 16 hex digits of the SHA-256 of its public 32 bytes.

    Raises:
        ConfigError: if the file holds no Ed25519 key, or a private one that others can read.
        ToolError: if `cryptography` is missing.
    """
    _require_cryptography()
    if b"PRIVATE" in _read_key(key):
        return _identity(_private_key(key).public_key())
    return _identity(_public_key(key))


def sign_manifest(directory: Path, private: Path) -> Signature:
    """Signs a build after checking every file that its manifest lists, and writes `manifest.sig`.

    Args:
        directory: a finished build.
        private: private key, PEM.

    Raises:
        ConfigError: if the key is none, or others can read it.
        ContractError: if the build is not what its manifest says.
        ToolError: if `cryptography` is missing.
    """
    _require_cryptography()
    key = _private_key(private)
    data = _manifest_bytes(directory)
    Manifest.parse(data, where=directory / MANIFEST_FILE).verify(directory)
    signature = Signature(key_id=_identity(key.public_key()), signature=key.sign(data).hex())
    signature.save(directory)
    return signature


def verify_manifest(directory: Path, public: Path) -> Manifest:
    """Checks a build's signature and returns the manifest that was signed.

    The returned manifest is made from the very bytes that were checked. Its files are not compared here: call its
    `verify` for that.

    Args:
        directory: the build directory.
        public: the public key that is trusted, PEM.

    Raises:
        ConfigError: if the key is none.
        ContractError: if the signature is missing, malformed, by another key or not of this manifest.
        ToolError: if `cryptography` is missing.
    """
    _require_cryptography()
    from cryptography.exceptions import InvalidSignature

    key = _public_key(public)
    data = _manifest_bytes(directory)
    signature = Signature.load(directory)
    trusted = _identity(key)
    if signature.key_id != trusted:
        raise ContractError(
            f"{directory} was signed by key {signature.key_id}, trusted is {trusted} ({public}); do not use this "
            "build unless you trust that key, and then name it"
        )
    try:
        key.verify(bytes.fromhex(signature.signature), data)
    except InvalidSignature:
        raise ContractError(
            f"{directory / MANIFEST_FILE} is not what key {trusted} signed: manifest or signature was changed; "
            "get the build again from where it was signed"
        ) from None
    return Manifest.parse(data, where=directory / MANIFEST_FILE)


def _require_cryptography() -> None:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as exc:
        raise ToolError(
            "signatures need the cryptography package; install it: pip install 'hw-anon[board]' on a board, "
            "pip install 'hw-anon[synth]' elsewhere"
        ) from exc
    del ed25519


def _manifest_bytes(directory: Path) -> bytes:
    path = directory / MANIFEST_FILE
    if not path.is_file():
        raise ContractError(f"{path} is missing: {directory} is not a finished build; build it again")
    return path.read_bytes()


def _identity(key: ed25519.Ed25519PublicKey) -> str:
    return sha256_bytes(key.public_bytes_raw())[:_KEY_ID_DIGITS]


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"key {path} cannot be read: {exc.strerror}; make one with: hw-anon keys") from exc


def _private_key(path: Path) -> ed25519.Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    data = _read_key(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"private key {path} can be read by others; make a new one, or: chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ConfigError(f"{path} holds no private key in PEM form without a password: {exc}") from exc
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ConfigError(f"{path} is no Ed25519 key; make one with: hw-anon keys")
    return key


def _public_key(path: Path) -> ed25519.Ed25519PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    try:
        key = serialization.load_pem_public_key(_read_key(path))
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ConfigError(f"{path} holds no public key in PEM form: {exc}") from exc
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise ConfigError(f"{path} is no Ed25519 key; make one with: hw-anon keys")
    return key


def _write_private(path: Path, secret: bytes) -> None:
    """Writes a file that only its owner can read from its first moment on, and never over another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), _PRIVATE_MODE)
            stream.write(secret)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(name, path)
    except FileExistsError:
        raise ConfigError(f"{path} exists; a key is never overwritten: name another file") from None
    finally:
        Path(name).unlink()
