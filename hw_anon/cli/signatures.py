"""`hw-anon keys`, `hw-anon sign` and `hw-anon verify-signature`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hw_anon.console.output import JsonOption, emit_document, note

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command("keys")(keys)
    app.command("sign")(sign)
    app.command("verify-signature")(verify_signature)


def keys(
    private: Annotated[Path, typer.Argument(help="File of the new private key; the public one gets .pub behind it.")],
    as_json: JsonOption = False,
) -> None:
    """Make a pair of keys (Ed25519) to sign builds with.

    The private key is readable by you alone and has no password: keep it off the board and out of repositories. Copy
    the public one to every board that is to trust builds signed with it. No file is ever overwritten.

    Example: hw-anon keys ~/.config/hw-anon/release.key
    """
    from hw_anon.core.signature import generate_key, key_id

    public = generate_key(private)
    identity = key_id(public)
    if as_json:
        emit_document({"private_key": str(private), "public_key": str(public), "key_id": identity})
        return
    note(f"key {identity}: private {private}, public {public}")


def sign(
    directory: Annotated[Path, typer.Argument(help="A finished build: its manifest is signed.")],
    key: Annotated[Path, typer.Option("--key", help="Your private key, see: hw-anon keys.")],
    as_json: JsonOption = False,
) -> None:
    """Sign a build: every file is compared with the manifest, then manifest.sig is written beside it.

    Example: hw-anon sign bitstreams/pynq-z2/0123456789abcdef --key ~/.config/hw-anon/release.key
    """
    from hw_anon.core.manifest import SIGNATURE_FILE
    from hw_anon.core.signature import sign_manifest

    signature = sign_manifest(directory, key)
    path = directory / SIGNATURE_FILE
    if as_json:
        emit_document({"signature": str(path), "key_id": signature.key_id, "algorithm": signature.algorithm})
        return
    note(f"{path}: signed by key {signature.key_id}")


def verify_signature(
    directory: Annotated[Path, typer.Argument(help="A signed build.")],
    key: Annotated[Path, typer.Option("--key", help="The public key that you trust.")],
    as_json: JsonOption = False,
) -> None:
    """Check a build's signature, and that every file is what the signed manifest says.

    Exit status 3 if not: unsigned, signed by another key, or changed since.

    Example: hw-anon verify-signature bitstreams/pynq-z2/0123456789abcdef --key release.key.pub
    """
    from hw_anon.core.signature import key_id, verify_manifest

    manifest = verify_manifest(directory, key)
    manifest.verify(directory)
    identity = key_id(key)
    if as_json:
        emit_document({"design_id": manifest.design_id, "key_id": identity, "files": len(manifest.files)})
        return
    note(f"design {manifest.design_id} is signed by key {identity}; its {len(manifest.files)} files are unchanged")
