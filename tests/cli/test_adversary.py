"""`hw-anon adversary`, on the golden model."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from hw_anon.cli.app import make_app


def test_it_attacks_and_reports() -> None:
    result = CliRunner().invoke(make_app(), ["adversary", "--golden", "--operations", "14000", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["leaks"] == 0 and document["operations"] >= 14_000 and document["faces_replaced"] > 0


def test_a_run_that_shows_nothing_fails() -> None:
    result = CliRunner().invoke(make_app(), ["adversary", "--golden", "--operations", "1"])
    assert result.exit_code == 7 and "shows nothing" in result.stderr
