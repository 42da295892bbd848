"""`hw-anon adversary`, on the golden model."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from hw_anon.cli.app import make_app


@pytest.mark.parametrize("stores", ["1", "2"])
def test_it_attacks_and_reports(stores: str) -> None:
    arguments = ["adversary", "--golden", "--stores", stores, "--operations", "14000", "--json"]
    result = CliRunner().invoke(make_app(), arguments)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["leaks"] == 0 and document["operations"] >= 14_000 and document["faces_replaced"] > 0


def test_a_run_that_shows_nothing_fails() -> None:
    result = CliRunner().invoke(make_app(), ["adversary", "--golden", "--operations", "1"])
    assert result.exit_code == 7 and "shows nothing" in result.stderr
