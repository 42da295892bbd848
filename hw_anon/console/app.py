"""What the command lines have in common before their commands."""

from __future__ import annotations

import typer

from hw_anon.console.guard import DEBUG_OPTION

__all__ = ["new_app"]


def new_app(name: str, *, text: str) -> typer.Typer:
    """Returns a command line without commands.

    Args:
        name: what it is called by.
        text: its help.
    """
    app = typer.Typer(
        name=name,
        help=text,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root(
        debug: bool = typer.Option(False, DEBUG_OPTION, help="Show the stack trace of an error as well."),
    ) -> None:
        # The guard around the whole run reads the option itself: errors of other options come before this call.
        del debug

    return app
