"""`hw-anon search`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hw_anon.cli.search_training import SearchTraining, measuring
from hw_anon.cli.workspace import WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table
from hw_anon.console.places import directory_to_write, file_to_write

if TYPE_CHECKING:
    from hw_anon.core.boards import Board
    from quant.modifier import ModifierConfig
    from quant.search import Cost, Point, SearchSpace

__all__ = ["register"]

_SHIPPED = ("modifier-s", "modifier-m")


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("search")(search)


def search(
    people: Annotated[Path, typer.Option("--people", help="Portraits, made by hw-anon synthesise.")],
    board: Annotated[str, typer.Option("--board", help="Board that the network must fit.")] = "pynq-z2",
    faces_per_s: Annotated[float, typer.Option("--faces-per-s", help="Rate that it must hold.")] = 120.0,
    frame: Annotated[
        str, typer.Option("--frame", help="Frame in the on-chip store, WIDTHxHEIGHT; it takes its block RAM first.")
    ] = "320x240",
    teacher: Annotated[
        str,
        typer.Option(
            "--teacher",
            help="A trained float modifier: file, directory, or edge-0; or average, the mean face of many people, "
            "taught with all that distil --hide asks of pixels.",
        ),
    ] = "edge-0",
    trials: Annotated[int, typer.Option("--trials", min=1, help="Finished trials in the end, of all machines.")] = 50,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Training steps of a trial.")] = 1500,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Faces a step.")] = 32,
    most_blocks: Annotated[int, typer.Option("--most-blocks", help="Residual blocks at most.")] = 5,
    widths: Annotated[str, typer.Option("--widths", help="Channels to choose from.")] = "8,12,16,24,32,48,64",
    bits: Annotated[str, typer.Option("--bits", help="Bits to choose from.")] = "2,3,4",
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Compiled steps in bfloat16: for CPUs that multiply it; needs a C++ compiler."),
    ] = False,
    pictures: Annotated[int, typer.Option("--pictures", min=8, help="Held-out pictures to measure on.")] = 400,
    journal: Annotated[
        Path | None,
        typer.Option(
            "--journal", callback=file_to_write, help="Journal file; on a shared disk several machines share a search."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", callback=directory_to_write, help="Directory for search.json and search.png.")
    ] = Path("build/search"),
    seed: Annotated[int, typer.Option("--seed", help="Seed of the sampler; give each machine its own.")] = 0,
    device: Annotated[str, typer.Option("--device", help="Torch device, e.g. cpu or cuda.")] = "cpu",
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Search size and precision of the modifier: what it takes of a board against what it leaves of a person.

    Each network is compiled and folded for the rate, the cheapest way there is; one that fits is distilled briefly and
    measured as the chip computes it. The shipped sizes come first, then those that a search for another board trained
    alike, whose figures are kept, then new ones. A stopped search goes on when the command is given again.

    Example: hw-anon search --people build/synthetic --board pynq-z2 --trials 50 --device cuda
    """
    from hw_anon.core.boards import get_board
    from quant.search import SearchSpace, front, run_search, write_search
    from quant.search_kept import KeptMeasures
    from quant.zoo import net_config

    choices, precisions = _numbers(widths, "--widths"), _numbers(bits, "--bits")
    space = SearchSpace(widths=choices, weight_bits=precisions, act_bits=precisions, most_blocks=most_blocks)
    target, stored = get_board(board), _frame_size(frame)
    workspace = Workspace(work)
    title = f"{target.name}, {faces_per_s:g} faces/s, {frame} stored, {steps} steps from {Path(teacher).name}"
    training = SearchTraining(people, teacher, steps=steps, batch=batch, pictures=pictures, quick=quick, device=device)
    kept = KeptMeasures(directory=workspace.root / "cache" / "search" / training.name())
    points = run_search(
        journal or workspace.root / "search" / "journal.log",
        name=f"{title}; {_origin(space, training)}",
        space=space,
        cost=_costing(target, faces_per_s, stored, workspace),
        measure=measuring(training, kept),
        trials=trials,
        seed=seed,
        first=[*map(net_config, _SHIPPED), *kept.networks()],
        on_point=_tell,
    )
    files = write_search(points, out, title=title, command=shlex.join(["hw-anon", *sys.argv[1:]]))
    best = front(points)
    if as_json:
        emit_document({"trials": len(points), "front": [point.number for point in best], "files": _names(files)})
        return
    rows = [(p.number, _described(p.config), f"{p.share:.0%}", round(p.identity, 3), round(p.error, 4)) for p in best]
    print_table(f"{title}: front of {len(points)} trials", ("trial", "network", "board", "AUC", "L1 to teacher"), rows)
    for kind, path in files.items():
        note(f"{kind}: {path}")


def _origin(space: SearchSpace, training: SearchTraining) -> str:
    """Returns what tells a study from others of its title: networks, people, teacher, training and measurement."""
    from hw_anon.core.hashing import sha256_bytes

    return sha256_bytes(f"{space.content_hash()} {training.name()}".encode())[:12]


def _numbers(text: str, option: str) -> tuple[int, ...]:
    from hw_anon.core.errors import ConfigError

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as exc:
        raise ConfigError(f"{option} {text!r}: expected whole numbers with commas between") from exc


def _frame_size(frame: str) -> tuple[int, int]:
    from hw_anon.core.errors import ConfigError

    width, _, height = frame.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise ConfigError(f"--frame {frame!r}: expected WIDTHxHEIGHT, e.g. 320x240")
    return int(width), int(height)


def _names(files: dict[str, Path]) -> dict[str, str]:
    return {kind: str(path) for kind, path in files.items()}


def _described(config: dict[str, Any]) -> str:
    widths = "-".join(map(str, config["widths"]))
    return f"{widths}, {config['blocks']} blocks, {config['weight_bits']}/{config['act_bits']} bits"


def _tell(point: Point) -> None:
    fate = point.excess or f"AUC {point.identity:.3f}, L1 to its teacher {point.error:.4f}"
    note(f"trial {point.number}: {_described(point.config)}: {point.share:.0%} of the board, {fate}")


def _costing(
    board: Board, faces_per_s: float, stored: tuple[int, int], workspace: Workspace
) -> Callable[[ModifierConfig], Cost]:
    """Returns what asks the compiler: a random network of the configuration has the cost of a trained one."""

    def cost(config: ModifierConfig) -> Cost:
        from dataclasses import asdict

        from hls.camera.resources import frame_store
        from hls.flow.pipeline import compile_graph
        from hls.folding import Budget
        from hls.folding.explore import pareto
        from quant.export import export_net
        from quant.search import Cost
        from quant.zoo import random_net

        directory = workspace.root / "cache" / "search-net"
        export_net(random_net(0, config), "search", directory)
        graph = compile_graph(directory, board, work_dir=workspace.finn)
        blocks = frame_store(*stored, ultra=board.uram > 0).bram18  # boards with UltraRAM keep frames there
        budget = Budget(bram18=max(0.8 - blocks / board.bram18, 0.01))
        points = pareto(graph.specialised, [board], [faces_per_s], budget=budget)
        if not points:
            return Cost(share=10.0, excess=f"no folding reaches {faces_per_s:g} faces/s", details={})
        point = points[0]
        shares = (point.lut / board.lut, point.dsp / board.dsp, (point.bram18 + blocks) / board.bram18)
        return Cost(share=max(shares), excess=point.limits, details=asdict(point) | {"frame_store_bram18": blocks})

    return cost
