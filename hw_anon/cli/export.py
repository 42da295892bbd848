"""`hw-anon export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hw_anon.cli.workspace import NetOption
from hw_anon.console.output import JsonOption, emit_document, print_table, status
from hw_anon.console.places import directory_to_write

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("export")(export)


def export(
    out: Annotated[
        Path,
        typer.Option(
            "--out", callback=directory_to_write, help="Directory to write; an earlier export there is replaced."
        ),
    ],
    net: NetOption = "modifier-s",
    as_json: JsonOption = False,
) -> None:
    """Export a network to QONNX: model.onnx and contract.json, all that the compiler reads.

    The network is checked against the compiler's rules and projected onto integers first; the exported model is then
    executed and compared with it. Equal networks give equal bytes.

    Example: hw-anon export --net modifier-s --out build/nets/modifier-s
    """
    from hw_anon.data.crops import adversarial_pictures
    from quant.export import export_net, verify_export
    from quant.zoo import load_network

    with status(f"exporting {net}"):
        model = load_network(net)
        contract = export_net(model, net, out)
    with status("comparing the exported model with the network"):
        _, height, width, _ = contract.input.shape
        patterns, _ = adversarial_pictures(height, width, seed=0)
        link = verify_export(model, out, patterns)
    if as_json:
        emit_document({"directory": str(out), "contract": asdict(contract), "links": [link.as_json()]})
        return
    rows = [
        ("directory", out),
        ("input", f"{contract.input.datatype} {list(contract.input.shape)} {contract.input.layout}"),
        ("output", f"{contract.outputs[0].datatype} {list(contract.outputs[0].shape)} {contract.outputs[0].layout}"),
        ("MAC per inference", contract.macs_per_inference),
        ("SHA-256 of model.onnx", contract.model_sha256),
        (f"bytes that differ over {link.crops} adversarial pictures", link.differing_bytes),
    ]
    print_table(f"{net} exported", ("figure", "value"), rows)
