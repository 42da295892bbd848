"""The smoke run's losses are those of the golden curve: a change of the game's arithmetic shows here."""

from __future__ import annotations

import json

import pytest

from tests.train.golden import GOLDEN, curve


def test_the_smoke_run_follows_the_golden_curve() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    seen = curve()
    assert [set(entry) for entry in seen] == [set(entry) for entry in golden]
    for step, (entry, wanted) in enumerate(zip(seen, golden, strict=True)):
        assert entry == pytest.approx(wanted, rel=0.02, abs=0.002), f"step {step}"
