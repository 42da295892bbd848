"""The report: every number with interval, sample size and command; figures that show what they should."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError
from hw_anon.evaluate.figures import Panel, trade_off_chart, trade_off_grid
from hw_anon.evaluate.gallery import Gallery
from hw_anon.evaluate.gallery_files import write_gallery
from hw_anon.evaluate.label_places import Rectangle, place_labels
from hw_anon.evaluate.limits import find_limits
from hw_anon.evaluate.report_page import write_report
from hw_anon.evaluate.results import Results
from hw_anon.evaluate.tables import action_table, privacy_summary, table_csv, table_markdown
from hw_anon.evaluate.trade_off import trade_off_points
from tests.evaluate.golden import golden_results

pytest.importorskip("matplotlib", reason="missing: matplotlib")
pytest.importorskip("jinja2", reason="missing: jinja2")


LINE = "un-anonymised to mask; top right is best"
COMMAND = "hw-anon report --results <r>"


class Page(HTMLParser):
    """Text, addresses and open elements of a page."""

    VOID = frozenset({"meta", "img", "input", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action"):
                self.addresses.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return golden_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def report(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tile = np.full((16, 16, 3), 200, np.uint8)
    shown = Gallery(name="figure3", title="T", note="a <clip>", rows=("mask",), columns=("1 s",), tiles=((tile,),))
    return write_report(results, tmp_path_factory.mktemp("out"), command=COMMAND, galleries=[shown])


def test_the_page_needs_nothing_else(report: Path) -> None:
    page = Page(report.read_text())
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert any(address.startswith("data:image/jpeg") for address in page.addresses)
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= set(page.ids)


def test_every_number_stands_with_interval_sample_and_command(report: Path) -> None:
    text = "".join(Page(report.read_text()).text)
    for part in (
        "70.0", "[68.0, 72.0]", "n = 3,600, 2 seeds",  # accuracy of ours: 0.72 and 0.68
        "75.0", "[72.0, 78.0]", "n = 1,200, 2 seeds",  # its mAP
        "63.0", "[57.0, 69.0]", "n = 120, 2 seeds",  # AP of drinking
        "40 people, 399 pictures",
        "ours lies above and to the right", "9.0 points of mAP [+5.0, +13.0]", "2 of 2",
        "no baseline at this mAP",
        "Training of ours used sface",
        "modified–modified, sface * (ours)",
        "measure ours 1", "train blur-8 None", COMMAND,
        "a <clip>",
    ):  # fmt: skip
        assert part in text, part


def test_files_beside_the_page(report: Path) -> None:
    names = {path.relative_to(report.parent).as_posix() for path in report.parent.rglob("*") if path.is_file()}
    assert {
        "index.html", "report.json", "tables.md", "tables/table1.csv", "tables/privacy-att.csv", "figures/figure3.png",
        "figures/figure4-att.png", "figures/figure4-att.svg", "figures/figure4-att-all.png",
    } <= names  # fmt: skip
    record = json.loads((report.parent / "report.json").read_text())
    first = record["views"][0]
    assert (first["protocol"], first["judge"]) == ("modified-modified", "dlib")
    ours = next(point for point in first["points"] if point["method"] == "ours")
    assert ours["error"]["by_seed"] == {"0": pytest.approx(0.28), "1": pytest.approx(0.32)}
    assert first["verdicts"][0]["above"]["value"] == pytest.approx(0.09)
    assert record["limits"]


def test_equal_results_give_equal_figures(results: Results) -> None:
    panel = Panel(title="t", points=trade_off_points(results, "att"))
    assert trade_off_chart(panel) == trade_off_chart(panel)


def test_table_1_and_the_best_of_each_column(results: Results) -> None:
    table = action_table(results)
    assert table is not None
    assert table.columns == ("mAP", "near-face mean", "mAP, detector of clear frames", "Drink", "Iron", "idle")
    rows = {method: cells for method, _, cells in table.rows}
    assert [method for method, cells in rows.items() if cells[0].best] == ["ours"]
    assert rows["mask"][3].text == "30.0 [24.0, 36.0]"
    assert rows["mask"][5].text == "–"
    lines = list(csv.reader(io.StringIO(table_csv(table))))
    assert lines[0][:4] == ["method", "mAP", "mAP interval", "mAP n"]
    assert lines[-1][:4] == ["ours", "75.0", "[72.0, 78.0]", "n = 1,200, 2 seeds"]
    assert "| **ours** | 75.0 [72.0, 78.0] |" in table_markdown(table)


def test_privacy_is_one_number_for_each_attacker(results: Results) -> None:
    table = privacy_summary(results, "att")
    assert table.columns == (
        "modified–modified, dlib",
        "modified–modified, sface * (ours)",
        "parrot (retrained), pixels",
    )
    cells = {method: [cell.value for cell in row] for method, _, row in table.rows}
    assert cells["ours"] == ["70.0", "70.0", "80.0"]
    assert cells["blur-16"] == ["90.0", "90.0", "90.0"]


def test_limits_follow_from_the_numbers(results: Results) -> None:
    limits = " ".join(find_limits(results))
    for part in (
        "Training of ours used sface",
        "The judge of record is dlib",
        "Not measured on att: inversion (restored) and original–modified",
        "modified by ours still names 80.0 % [75.0, 85.0] of known people on att, against 40.0 % without retraining",
        "att has 40 people",
        "fewer than 3 seeds: ours (2)",
    ):
        assert part in limits, part


def test_figure_4_draws_ours_as_a_red_square(results: Results) -> None:
    image = pytest.importorskip("PIL.Image", reason="missing: pillow")
    points = trade_off_points(results, "att")

    def red(chosen: list) -> int:
        png = trade_off_chart(Panel(title="t", points=chosen)).png
        pixels = np.asarray(image.open(io.BytesIO(png)).convert("RGB")).astype(int)
        assert pixels.shape[1] == 1600
        return int(np.sum(np.abs(pixels - (0xD5, 0x5E, 0x00)).sum(axis=-1) < 20))

    assert red([p for p in points if not p.learned]) == 0
    assert red(points) > 100


def test_figure_4_names_every_method_and_the_line(results: Results) -> None:
    chart = trade_off_chart(Panel(title="att & more", points=trade_off_points(results, "att")), name="f4")
    for part in (
        "original",
        "mask",
        "blur-8",
        "blur-16",
        "ours (2 seeds)",
        "un-anonymised to mask; top right is best",
        "att &amp; more",
    ):
        assert f">{part}</text>" in chart.inline, part
    assert "http" not in chart.inline.replace("http://www.w3.org/1999/xlink", "")
    with pytest.raises(ConfigError, match="no method"):
        trade_off_grid([Panel(title="t", points=[])])


def test_labels_do_not_lie_on_each_other() -> None:
    anchors = [(100.0 + 6 * index, 100.0) for index in range(6)]
    obstacles = [Rectangle(x - 4, y - 4, x + 4, y + 4) for x, y in anchors]
    frame = Rectangle(0, 0, 300, 200)
    placed = place_labels(anchors, [(40.0, 10.0)] * 6, obstacles, frame, gap=8)
    for index, place in enumerate(placed):
        assert place.shared(frame) == pytest.approx(place.area)
        assert all(place.shared(other) == 0 for other in (*placed[:index], *obstacles))


def test_the_command_draws_everything(results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from hw_anon.cli import main

    tile = np.zeros((8, 8, 3), np.uint8)
    gallery = Gallery(name="g", title="Shown", note="", rows=("a",), columns=("b",), tiles=((tile,),))
    write_gallery(gallery, results.directory / "galleries")
    assert main(["report", "--results", str(results.directory), "--out", str(tmp_path), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["page"] == str(tmp_path / "index.html")
    assert "Shown" in (tmp_path / "index.html").read_text()
    assert main(["report", "--results", str(tmp_path / "none"), "--out", str(tmp_path)]) == 3
