"""The co-design search: resumable, shared through its journal, with what does not fit kept out of the front."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="missing: optuna")
pytest.importorskip("brevitas", reason="missing: brevitas")
pytest.importorskip("matplotlib", reason="missing: matplotlib")

from hw_anon.core.errors import ConfigError, ContractError
from quant.modifier import ModifierConfig
from quant.search import Cost, Measured, Point, SearchSpace, front, run_search, search_points, write_search
from quant.search_kept import KeptMeasures

SPACE = SearchSpace(widths=(8, 16, 32), most_blocks=2)


def _cost(config: ModifierConfig) -> Cost:
    if config.blocks == 2:
        raise ConfigError("no folding reaches the rate")
    share = sum(config.widths) * config.weight_bits / 300
    return Cost(share=share, excess="too many LUTs" if share > 0.9 else "", details={"lut": int(1000 * share)})


class _Lab:
    """Trains nothing; remembers what it was asked to train."""

    def __init__(self) -> None:
        self.trained: list[ModifierConfig] = []

    def measure(self, config: ModifierConfig) -> Measured:
        self.trained.append(config)
        details = {"n": len(self.trained)}
        return Measured(identity=1 - sum(config.widths) / 200, error=0.1 / config.act_bits, details=details)


def _search(journal: Path, trials: int, lab: _Lab, first: Sequence[ModifierConfig] = ()) -> list[Point]:
    return run_search(
        journal, name="s", space=SPACE, cost=_cost, measure=lab.measure, trials=trials, seed=1, first=first
    )


def test_a_search_goes_on_from_its_journal(tmp_path: Path) -> None:
    lab, journal = _Lab(), tmp_path / "journal.log"
    first = _search(journal, 6, lab)
    assert len(first) == 6
    second = _search(journal, 10, lab)
    assert [point.number for point in second] == list(range(10))
    assert second[:6] == first
    assert _search(journal, 10, _Lab()) == second, "nothing is left to do"
    assert search_points(journal, name="s") == second


def test_a_search_that_goes_on_draws_other_networks(tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    points = [_search(journal, 4 * part, _Lab())[-4:] for part in (1, 2, 3)]
    drawn = [[point.config for point in part] for part in points]
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]


def test_what_does_not_fit_is_neither_trained_nor_in_the_front(tmp_path: Path) -> None:
    lab = _Lab()
    points = _search(tmp_path / "journal.log", 24, lab)
    refused = [point for point in points if point.excess]
    assert refused
    assert all(point.identity == 1.0 for point in refused)
    assert len(lab.trained) == len(points) - len(refused)
    assert all(config.blocks < 2 and list(config.widths) == sorted(config.widths) for config in lab.trained)
    best = front(points)
    assert best
    assert not any(point.excess for point in best)
    for point in best:
        assert not any(
            other.identity < point.identity and other.error < point.error and other.share < point.share
            for other in points
        )
    files = write_search(points, tmp_path / "out", title="tiny", command="hw-anon search")
    document = json.loads(files["json"].read_text())
    assert document["front"] == [point.number for point in best]
    assert files["figure"].read_bytes().startswith(b"\x89PNG")


def test_networks_that_are_named_come_first_and_once(tmp_path: Path) -> None:
    lab, journal = _Lab(), tmp_path / "journal.log"
    wanted = ModifierConfig(widths=(8, 16, 32), blocks=1, weight_bits=3, act_bits=2, branch_bits=3)
    others = [
        replace(wanted, widths=(8, 12, 32)),
        replace(wanted, blocks=3),
        replace(wanted, branch_bits=4),
        replace(wanted, input_size=32),
    ]
    assert [SPACE.parameters(other) for other in others] == [None] * 4, "none is of this space"
    first = _search(journal, 3, lab, [*others, wanted])
    assert first[0].config == wanted.as_json()
    assert lab.trained[0] == wanted
    again = _search(journal, 6, lab, [wanted])
    assert again[:3] == first
    assert lab.trained.count(wanted) == 1


def test_measurements_are_kept_by_network(tmp_path: Path) -> None:
    kept = KeptMeasures(directory=tmp_path / "kept")
    config, other = ModifierConfig(widths=(8, 16, 32)), ModifierConfig(widths=(8, 16, 16))
    measured = Measured(identity=0.75, error=0.125, details={"pairs": 3})
    assert (kept.networks(), kept.get(config)) == ([], None)
    kept.put(config, measured)
    assert kept.networks() == [config]
    assert kept.get(config) == measured
    assert kept.get(other) is None
    next(kept.directory.glob("*.json")).write_text('{"network": {}}')
    with pytest.raises(ContractError, match="delete it"):
        kept.get(config)


def test_an_empty_space_is_refused() -> None:
    with pytest.raises(ConfigError, match="one choice"):
        SearchSpace(widths=())
