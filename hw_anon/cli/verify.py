"""`hw-anon verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.build import DEFAULT_WORK, BoardOption, ClockOption, RateOption, note_stage
from hw_anon.cli.workspace import NetOption, WorkOption, Workspace, with_keys
from hw_anon.console.output import JsonOption, emit_document, print_table, progress
from hw_anon.core.backend import Link
from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    from hls.flow.config import BuildConfig

__all__ = ["chain_links", "link_rows", "register", "require_equal"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("verify")(verify)


def verify(
    net: NetOption = "modifier-s",
    crops: Annotated[int, typer.Option("--crops", min=1, help="Crops through the software stages.")] = 256,
    rtl_crops: Annotated[int, typer.Option("--rtl-crops", min=1, help="Crops through the simulated RTL.")] = 8,
    stalls: Annotated[
        bool,
        typer.Option(
            "--stalls", help="Run the RTL again with random stalls on both streams, and with its output choked."
        ),
    ] = False,
    board: BoardOption = "pynq-z2",
    faces_per_s: RateOption = 120.0,
    clk_mhz: ClockOption = None,
    work: WorkOption = DEFAULT_WORK,
    as_json: JsonOption = False,
) -> None:
    """Compare every stage of a network byte for byte: QAT = QONNX = hardware graph = twin = RTL.

    Real faces, all-0, all-255, checkerboards, gradients and random crops go through each stage; a link with a
    differing byte makes the command fail. The network is built first if its build is not there.

    Example: hw-anon verify --net modifier-s --crops 256 --rtl-crops 8 --stalls
    """
    from hls.flow.config import BuildConfig

    config = BuildConfig(board=board, faces_per_s=faces_per_s, clk_mhz=clk_mhz)
    links = chain_links(net, config, Workspace(work), crops=crops, rtl_crops=rtl_crops, stalls=stalls)
    if as_json:
        emit_document({"net": net, "board": board, "links": [link.as_json() for link in links]})
    else:
        columns = ("from", "to", "crops", "differing bytes", "condition")
        print_table(f"Equivalence chain of {net}", columns, link_rows(links))
    require_equal(links)


def chain_links(
    net: str, config: BuildConfig, workspace: Workspace, *, crops: int, rtl_crops: int, stalls: bool
) -> list[Link]:
    """Runs the chain of a network, built first if necessary, with a progress display."""
    from hw_anon.cli.chain import run_chain
    from quant.backend import QatBackend
    from quant.export import integer_net
    from quant.zoo import load_network

    finished = workspace.built(net, config, on_stage=note_stage)
    _, height, width, channels = finished.contract.input.shape
    size = max(height, width)
    with progress() as bar:
        tasks: dict[str, int] = {}

        def advance(name: str, done: int, total: int) -> None:
            if name not in tasks:
                bar.console.print(f"· {name}, {total} crops", markup=False, highlight=False)
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done)  # type: ignore[arg-type]

        return run_chain(
            QatBackend(integer_net(load_network(net))),
            finished,
            finn_dir=workspace.finn,
            crops_u8=with_keys(workspace.crops(crops, size).crops[:, :height, :width], channels),
            rtl_crops_u8=with_keys(workspace.crops(rtl_crops, size).crops[:, :height, :width], channels),
            stalls=stalls,
            advance=advance,
        )


def link_rows(links: list[Link]) -> list[tuple[str, str, int, int, str]]:
    """Returns links as table rows."""
    return [(link.source, link.target, link.crops, link.differing_bytes, link.note) for link in links]


def require_equal(links: list[Link]) -> None:
    """Checks that no link has a differing byte.

    Raises:
        ContractError: naming the links that do.
    """
    broken = [link for link in links if link.differing_bytes]
    if broken:
        names = ", ".join(f"{link.source} → {link.target}: {link.differing_bytes} bytes" for link in broken)
        raise ContractError(f"the stages are not equal: {names}")
