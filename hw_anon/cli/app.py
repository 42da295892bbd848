"""The root command: global options and the list of commands."""

from __future__ import annotations

import typer

from hw_anon.cli import (
    adversary,
    assurance,
    bench,
    bitstream,
    boards,
    build,
    camera,
    demo,
    distil,
    doctor,
    evaluate,
    evaluate_detector,
    explore,
    export,
    export_detector,
    fuzz,
    gallery,
    pretrain,
    pretrain_detector,
    prove,
    read_actions,
    report,
    search,
    ship_detector,
    signatures,
    simulate,
    study,
    synthesise,
    train,
    train_detector,
    verify,
    version,
)
from hw_anon.console.app import new_app

__all__ = ["make_app"]

_COMMAND_MODULES = (
    doctor,
    demo,
    build,
    camera,
    verify,
    prove,
    simulate,
    fuzz,
    adversary,
    assurance,
    explore,
    search,
    bench,
    synthesise,
    train,
    distil,
    train_detector,
    read_actions,
    evaluate,
    evaluate_detector,
    gallery,
    report,
    study,
    export,
    export_detector,
    ship_detector,
    pretrain,
    pretrain_detector,
    bitstream,
    signatures,
    boards,
    version,
)
"""Modules with `register(app)`, in the order in which `--help` lists them. A new command is added here."""

_HELP = """A camera that cannot show a face: faces are replaced inside the programmable logic.

[bold]First steps[/bold]

  hw-anon doctor    are all tools here, and if not, what to install

  hw-anon demo      send people through the simulated camera, write a page with what the CPU sees

  hw-anon boards    which boards are supported, and how large they are

Every command takes --json: one JSON document on standard output, all else on standard error.

[bold]Exit status[/bold]

  0 done

  2 wrong setting or argument

  3 wrong or damaged file

  4 a tool is missing or failed

  5 the device misbehaved

  6 disk or file system

  7 the simulated design broke a rule, 8 it stopped moving data

  9 a proof stayed open: it reached its limit of CPU time

  130 interrupted, 1 anything else
"""


def make_app() -> typer.Typer:
    """Returns the whole command line, with every command registered."""
    app = new_app("hw-anon", text=_HELP)
    for module in _COMMAND_MODULES:
        module.register(app)
    return app
