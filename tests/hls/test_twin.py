"""The twin equals FINN's own execution of the same hardware nodes, and refuses what it cannot reproduce."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.finn

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")
pytest.importorskip("qonnx")

from onnx import TensorProto, helper  # noqa: E402
from qonnx.core.datatype import DataType  # noqa: E402
from qonnx.core.modelwrapper import ModelWrapper  # noqa: E402

from hls.bench.twin import run as run_benchmark  # noqa: E402
from hls.twin import Twin, TwinProgram, lift  # noqa: E402
from hls.twin.operations import Conv, Threshold, integer_range  # noqa: E402
from hls.twin.steps import fit_line  # noqa: E402
from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402

DOMAIN = "finn.custom_op.fpgadataflow"


@pytest.fixture(scope="module", autouse=True)
def _finn(tmp_path_factory: pytest.TempPathFactory) -> None:
    from hls.flow.boot import boot

    boot(tmp_path_factory.mktemp("finn"))


class GraphBuilder:
    """Chains hardware nodes; `cursor` is the last stream, `ranges` what each stream's datatype is."""

    def __init__(self, seed: int, shape: tuple[int, ...], datatype: str, *, specialised: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.specialised = specialised
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.shapes: dict[str, tuple[int, ...]] = {"in": (1, *shape)}
        self.types: dict[str, str] = {"in": datatype}
        self.cursor = "in"
        self.spread = 1.0  # how far the values of the last matrix product or sum lie apart, roughly

    def node(self, op: str, inputs: list[str], shape: tuple[int, ...], datatype: str, **attributes: Any) -> str:
        name = f"{op}_{len(self.nodes)}"
        self.shapes[f"{name}_out"], self.types[f"{name}_out"] = shape, datatype
        style = ("hls" if op == "StreamingConcat" else "rtl") if self.specialised else ""
        op, domain = (f"{op}_{style}", f"{DOMAIN}.{style}") if style else (op, DOMAIN)
        attributes["backend"] = "fpgadataflow"
        self.nodes.append(helper.make_node(op, inputs, [f"{name}_out"], domain=domain, name=name, **attributes))
        self.cursor = f"{name}_out"
        return self.cursor

    def constant(self, values: np.ndarray) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = values.astype(np.float32)
        return name

    def pad(self, top: int, left: int, bottom: int, right: int) -> str:
        _, h, w, c = self.shapes[self.cursor]
        datatype = self.types[self.cursor]
        return self.node(
            "FMPadding", [self.cursor], (1, h + top + bottom, w + left + right, c), datatype,
            ImgDim=[h, w], NumChannels=c, Padding=[top, left, bottom, right], SIMD=1, inputDataType=datatype,
        )  # fmt: skip

    def window(self, kernel: tuple[int, int], stride: int = 1, **more: Any) -> str:
        _, h, w, c = self.shapes[self.cursor]
        oh, ow = (h - kernel[0]) // stride + 1, (w - kernel[1]) // stride + 1
        datatype = self.types[self.cursor]
        return self.node(
            "ConvolutionInputGenerator", [self.cursor], (1, oh, ow, kernel[0] * kernel[1] * c), datatype,
            ConvKernelDim=list(kernel), Dilation=[1, 1], IFMChannels=c, IFMDim=[h, w], OFMDim=[oh, ow], SIMD=1,
            Stride=[stride, stride], inputDataType=datatype, outputDataType=datatype, **more,
        )  # fmt: skip

    def matmul(self, out: int, weight_type: str, *, steps: int = 0, extreme: bool = False, output: str = "") -> str:
        *vectors, rows = self.shapes[self.cursor]
        low, high = integer_range(weight_type)
        weights = (
            self.rng.choice([low, high], (rows, out)) if extreme else self.rng.integers(low, high + 1, (rows, out))
        )
        self.spread = max(map(abs, integer_range(self.types[self.cursor]))) * high * np.sqrt(rows) / 3
        parameters = [self.cursor, self.constant(weights)]
        attributes: dict[str, Any] = {"noActivation": 1, "accDataType": "INT32"}
        datatype = output or "INT32"
        if steps:
            offset, datatype = -(steps // 2), "INT9"
            parameters.append(self.constant(np.rint(self.rng.normal(0, self.spread, (out, steps)))))
            attributes |= {"noActivation": 0, "ActVal": offset}
        return self.node(
            "MVAU", parameters, (*vectors, out), datatype, MW=rows, MH=out, PE=1, SIMD=1, numInputVectors=vectors,
            inputDataType=self.types[self.cursor], weightDataType=weight_type, outputDataType=datatype, **attributes,
        )  # fmt: skip

    def threshold(self, values: np.ndarray, datatype: str, offset: int = 0) -> str:
        shape = self.shapes[self.cursor]
        return self.node(
            "Thresholding", [self.cursor, self.constant(values)], shape, datatype, NumChannels=shape[-1], PE=1,
            numSteps=values.shape[1], inputDataType=self.types[self.cursor], weightDataType="INT32",
            outputDataType=datatype, numInputVectors=list(shape[:-1]), ActVal=offset,
        )  # fmt: skip

    def activation(self, bits: int, *, signed: bool, kind: str = "line") -> str:
        """Thresholds: `line` (evenly spaced up to rounding), `unsorted`, `duplicate` or `shared` by all channels."""
        spread = self.spread
        channels, steps = self.shapes[self.cursor][-1], 2**bits - 1 if not signed else 2**bits - 2
        rows = 1 if kind == "shared" else channels
        pitch, start = self.rng.uniform(0.2, 2.0, (rows, 1)) * spread / steps, self.rng.normal(0, spread / 4, (rows, 1))
        values = np.ceil(start + (np.arange(steps) - steps / 2) * pitch)
        if kind == "unsorted":
            values = self.rng.permuted(np.rint(self.rng.normal(0, spread, (rows, steps))), axis=1)
        if kind == "duplicate":
            values = np.sort(self.rng.choice(values[:, steps // 4 : 3 * steps // 4 + 1].ravel(), (rows, steps)), axis=1)
        datatype, offset = (f"INT{bits}", -(2 ** (bits - 1)) + 1) if signed else (f"UINT{bits}", 0)
        return self.threshold(values, datatype, offset)

    def move(self, op: str) -> str:
        shape, datatype = self.shapes[self.cursor], self.types[self.cursor]
        if op == "StreamingFIFO":
            more: dict[str, Any] = {"depth": 2, "folded_shape": list(shape), "normal_shape": list(shape)}
        else:
            more = {"inShape": list(shape), "outShape": list(shape), "inWidth": 8, "outWidth": 8}
        return self.node(op, [self.cursor], shape, datatype, dataType=datatype, **more)

    def fork(self) -> tuple[str, str]:
        shape, datatype = self.shapes[self.cursor], self.types[self.cursor]
        first = self.node(
            "DuplicateStreams", [self.cursor], shape, datatype, NumChannels=shape[-1], NumOutputStreams=2, PE=1,
            inputDataType=datatype, numInputVectors=list(shape[:-1]),
        )  # fmt: skip
        second = f"{first}_1"
        self.nodes[-1].output.append(second)
        self.shapes[second], self.types[second] = shape, datatype
        return first, second

    def add(self, other: str) -> str:
        a, b = self.cursor, other
        self.spread = integer_range(self.types[a])[1] + integer_range(self.types[b])[1]
        return self.node(
            "ElementwiseAdd", [a, b], self.shapes[a], "INT32", lhs_dtype=self.types[a], rhs_dtype=self.types[b],
            out_dtype="INT32", lhs_shape=list(self.shapes[a]), rhs_shape=list(self.shapes[b]),
            out_shape=list(self.shapes[a]), lhs_style="input", rhs_style="input",
        )  # fmt: skip

    def concat(self, other: str) -> str:
        a, b = self.cursor, other
        shape = (*self.shapes[a][:-1], self.shapes[a][-1] + self.shapes[b][-1])
        assert self.types[a] == self.types[b]
        return self.node(
            "StreamingConcat", [a, b], shape, self.types[a], SIMD=1, inputDataTypes=[self.types[a], self.types[b]],
            ChannelsPerStream=[self.shapes[a][-1], self.shapes[b][-1]], numInputVectors=list(shape[:-1]),
        )  # fmt: skip

    def upsample(self, sy: int, sx: int) -> str:
        _, h, w, c = self.shapes[self.cursor]
        datatype = self.types[self.cursor]
        return self.node(
            "UpsampleNearestNeighbour", [self.cursor], (1, h * sy, w * sx, c), datatype, HI=h, WI=w, HO=h * sy,
            WO=w * sx, NumChannels=c, SIMD=1, inputDataType=datatype,
        )  # fmt: skip

    def model(self) -> ModelWrapper:
        ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, self.shapes[n]) for n in ("in", self.cursor)]
        model = ModelWrapper(
            helper.make_model(helper.make_graph(self.nodes, "hardware", ends[:1], ends[1:]), opset_imports=[
                helper.make_opsetid("", 18), helper.make_opsetid(DOMAIN, 1), helper.make_opsetid(f"{DOMAIN}.rtl", 1),
                helper.make_opsetid(f"{DOMAIN}.hls", 1),
            ])
        )  # fmt: skip
        for name, values in self.constants.items():
            model.set_initializer(name, values)
        for name, shape in self.shapes.items():
            model.set_tensor_shape(name, list(shape))
            model.set_tensor_datatype(name, DataType[self.types[name]])
        return model

    def inputs(self, count: int = 4) -> np.ndarray:
        """Random samples, the first two at the datatype's ends."""
        low, high = integer_range(self.types["in"])
        x = self.rng.integers(low, high + 1, (count, *self.shapes["in"][1:]))
        x[0], x[1] = low, high
        return x


def random_net(seed: int, *, specialised: bool = False) -> GraphBuilder:
    """A net of all operators with random widths, bits, signs, strides and kinds of thresholds."""
    rng = np.random.default_rng(1000 + seed)
    datatype = str(rng.choice(["UINT8", "INT8", "UINT4", "INT3", "UINT2"]))
    size, channels = int(rng.integers(6, 12)), int(rng.integers(1, 5))
    kinds = rng.permuted(["line", "unsorted", "duplicate", "shared"])
    b = GraphBuilder(seed, (size, size + int(rng.integers(0, 3)), channels), datatype, specialised=specialised)
    b.pad(*(int(p) for p in rng.integers(0, 3, 4)))
    b.move("StreamingFIFO")
    b.window((3, 3), int(rng.integers(1, 3)))
    b.move("StreamingDataWidthConverter")
    b.matmul(int(rng.integers(2, 9)), f"INT{rng.integers(2, 9)}", extreme=bool(rng.integers(0, 2)))
    bits = int(rng.integers(2, 6))
    b.activation(bits, signed=False, kind=kinds[0])
    trunk, bypass = b.fork()
    b.cursor = trunk
    b.pad(1, 1, 1, 1)
    b.window((3, 3))
    b.matmul(b.shapes[trunk][-1], f"INT{rng.integers(2, 9)}")
    b.activation(bits + 1, signed=True, kind=kinds[1])
    b.move("StreamingFIFO")
    b.add(bypass)
    b.activation(int(rng.integers(2, 9)), signed=False, kind=kinds[2])
    left, right = b.fork()
    b.cursor = left
    b.concat(right)
    b.upsample(int(rng.integers(1, 4)), 2)
    b.window((2, 1))
    b.matmul(3, "INT4", steps=int(rng.integers(8, 40)))
    b.matmul(5, "INT8")
    b.activation(8, signed=False, kind=kinds[3])
    return b


def finn_outputs(model: ModelWrapper, x: np.ndarray) -> np.ndarray:
    from finn.util.verification import despecialize_model

    from hls.flow.execute import execute

    abstract = despecialize_model(model)
    return np.concatenate([execute(abstract, sample[None]) for sample in x])


@pytest.mark.parametrize(("seed", "specialised"), [*((s, False) for s in range(10)), *((s, True) for s in range(4))])
def test_equals_finn_on_random_nets_of_all_operators(seed: int, specialised: bool) -> None:
    builder = random_net(seed, specialised=specialised)
    model, x = builder.model(), builder.inputs()
    expected = finn_outputs(model, x)
    assert len(np.unique(expected)) > 2, "a constant output would prove nothing"
    np.testing.assert_array_equal(Twin(lift(model), batch=3, threads=2).run(x), expected)


def test_pad_window_and_matmul_become_one_convolution_only_if_nothing_else_reads_between() -> None:
    def operators(reads_window: bool) -> list[str]:
        b = GraphBuilder(1, (6, 6, 2), "UINT4")
        b.pad(1, 1, 1, 1)
        b.window((3, 3))
        if reads_window:
            first, second = b.fork()
            b.cursor = first
            b.matmul(18, "INT4")
            b.add(second)
        else:
            b.matmul(4, "INT4")
        model, x = b.model(), b.inputs()
        program = lift(model)
        np.testing.assert_array_equal(Twin(program).run(x), finn_outputs(model, x))
        return [type(operation).__name__ for operation in program.operations]

    assert operators(reads_window=False) == ["Conv"]
    assert operators(reads_window=True) == ["Pad", "Window", "MatMul", "Add"]


def test_equals_finn_at_the_largest_accumulators_float32_can_hold() -> None:
    b = GraphBuilder(2, (4, 4, 57), "UINT8")
    b.window((3, 3))
    b.matmul(6, "INT8", extreme=True)
    b.threshold(np.sort(b.rng.integers(-9_000_000, 9_000_000, (6, 63)), axis=1), "UINT6")
    model, x = b.model(), b.inputs(6)
    x[2:4] = b.rng.choice([0, 255], x[2:4].shape)
    np.testing.assert_array_equal(Twin(lift(model)).run(x), finn_outputs(model, x))


def test_sums_beyond_float32_are_exact_too() -> None:
    b = GraphBuilder(3, (5, 5, 40), "UINT16")
    b.window((3, 3))
    b.matmul(4, "INT8", extreme=True, output="INT40")
    x = b.inputs(3)
    y = Twin(lift(b.model())).run(x)
    weights = b.constants["constant_0"].astype(np.int64).reshape(3, 3, 40, 4)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    expected = np.einsum("nhwcyx,yxco->nhwo", windows, weights)
    assert np.abs(expected).max() > 1 << 25
    np.testing.assert_array_equal(y, expected)


def test_exact_although_the_process_allows_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    b = GraphBuilder(4, (20, 20, 32), "UINT12")
    b.window((3, 3))
    b.matmul(32, "INT4")
    x, program = b.inputs(4), lift(b.model())
    expected = Twin(program).run(x)
    settings = (torch.backends.mkldnn.conv, torch.backends.mkldnn.matmul)
    before = [setting.fp32_precision for setting in settings]
    try:
        for setting in settings:
            setting.fp32_precision = "bf16"
        np.testing.assert_array_equal(Twin(program).run(x), expected)
        assert [setting.fp32_precision for setting in settings] == ["bf16", "bf16"], "the process's choice comes back"
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value


def _staircase(seed: int, *, steps: int, pitch: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = np.ceil(rng.uniform(-50, 50, (3, 1)) + pitch * (np.arange(steps) + 0.125)).astype(np.int64)
    return values, values.min(axis=1) - 3, values.max(axis=1) + 3


@pytest.mark.parametrize("pitch", [0.4, 1.0, 7.3, 911.1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fitted_line_equals_its_thresholds_for_every_input(pitch: float, dtype: type) -> None:
    thresholds, low, high = _staircase(5, steps=15, pitch=pitch)
    line = fit_line(thresholds, low, high, offset=-7, dtype=dtype)
    assert line is not None
    for c in range(len(thresholds)):
        x = np.arange(low[c], high[c] + 1)
        y = np.floor(line.gain[c] * x.astype(dtype) + line.shift[c]).clip(line.lowest[c], line.highest[c])
        np.testing.assert_array_equal(y, -7 + (x[:, None] >= thresholds[c]).sum(axis=1))


def test_no_line_is_claimed_for_thresholds_on_none() -> None:
    thresholds, low, high = _staircase(6, steps=15, pitch=20.0)
    thresholds[1, 7] += 3
    assert fit_line(thresholds, low, high, offset=0, dtype=np.float64) is None


def test_one_changed_threshold_or_weight_changes_the_output() -> None:
    program = image_net()
    x = np.random.default_rng(11).integers(0, 256, (1000, 8, 8, 3))
    expected = Twin(program).run(x)
    conv, threshold = program.operations
    assert isinstance(conv, Conv)
    assert isinstance(threshold, Threshold)
    weight, thresholds = conv.weight.copy(), threshold.thresholds.copy()
    weight[1, 1, 0, 0] -= np.sign(weight[1, 1, 0, 0]) or -1
    middle = int(np.argmin(np.abs(thresholds[0] - np.median(thresholds[0]))))
    thresholds[0, middle] += 1
    for seeded in ((replace(conv, weight=weight), threshold), (conv, replace(threshold, thresholds=thresholds))):
        changed = replace(program, operations=seeded)
        assert changed.content_hash != program.content_hash
        assert np.count_nonzero(Twin(changed).run(x) != expected) > 0


def test_a_saved_program_comes_back_equal_and_saves_to_equal_bytes(tmp_path: Path) -> None:
    builder = random_net(2)
    program, x = lift(builder.model()), builder.inputs()
    loaded = TwinProgram.load(program.save(tmp_path / "twin.npz"))
    assert loaded.content_hash == program.content_hash
    np.testing.assert_array_equal(Twin(loaded).run(x), Twin(program).run(x))
    assert loaded.save(tmp_path / "again.npz").read_bytes() == (tmp_path / "twin.npz").read_bytes()


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "other", "version", "content"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = lift(random_net(1).model()).save(tmp_path / "twin.npz")
    data = path.read_bytes()
    with np.load(path) as archive:
        arrays = {name: archive[name].copy() for name in archive.files}
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "other":
        np.savez(path, something=np.zeros(3))
    elif damage == "version":
        text = arrays["meta"].tobytes().replace(b'"version": 1', b'"version": 9')
        np.savez(path, **{**arrays, "meta": np.frombuffer(text, dtype=np.uint8)})
    else:
        name = next(name for name in arrays if name.endswith("weight"))
        arrays[name].flat[0] ^= 1
        np.savez(path, **arrays)
    with pytest.raises(ContractError, match=r"twin\.npz"):
        TwinProgram.load(path)


def test_a_flipped_bit_is_refused_or_harmless(tmp_path: Path) -> None:
    program = image_net()
    data = program.save(tmp_path / "twin.npz").read_bytes()
    refused = 0
    for position in np.random.default_rng(12).integers(0, len(data), 200):
        flipped = bytearray(data)
        flipped[position] ^= 1 << int(position % 8)
        (tmp_path / "twin.npz").write_bytes(flipped)
        try:
            assert TwinProgram.load(tmp_path / "twin.npz").content_hash == program.content_hash
        except ContractError:
            refused += 1
    assert refused > 100


def image_model() -> ModelWrapper:
    b = GraphBuilder(7, (8, 8, 3), "UINT8")
    b.pad(1, 1, 1, 1)
    b.window((3, 3))
    b.matmul(3, "INT4")
    b.activation(8, signed=False)
    return b.model()


def image_net() -> TwinProgram:
    return lift(image_model())


def test_wrong_inputs_are_refused() -> None:
    twin = Twin(image_net())
    good = np.zeros((2, 8, 8, 3), np.uint8)
    assert twin.modify(good).dtype == np.uint8
    assert twin.modify(good[:0]).shape == (0, 8, 8, 3)
    for bad in (good[0], good[:, :7], good[..., :1], good.astype(np.int16), good.astype(np.float32)):
        with pytest.raises(ContractError):
            twin.modify(bad)
    for values in (good.astype(np.int16) - 1, good.astype(np.int16) + 256, good.astype(float)):
        with pytest.raises(ContractError):
            twin.run(values)
    with pytest.raises(ConfigError):
        Twin(image_net(), batch=0)


def test_a_net_whose_ends_are_not_images_is_no_modifier() -> None:
    b = GraphBuilder(8, (8, 8, 3), "UINT8")
    b.matmul(3, "INT4")
    with pytest.raises(ContractError, match="INT32"):
        Twin(lift(b.model())).modify(np.zeros((1, 8, 8, 3), np.uint8))


def test_what_the_twin_does_not_know_is_refused_by_name() -> None:
    b = GraphBuilder(9, (6, 6, 2), "UINT4")
    b.node("Pool", ["in"], (1, 3, 3, 2), "UINT4")
    with pytest.raises(ContractError, match=r"Pool_0.*no operator Pool"):
        lift(b.model())
    b = GraphBuilder(9, (6, 6, 2), "UINT4")
    b.window((3, 3), depthwise=1)
    with pytest.raises(ContractError, match="depthwise"):
        lift(b.model())
    b = GraphBuilder(9, (6, 6, 2), "BIPOLAR")
    b.pad(1, 1, 1, 1)
    with pytest.raises(ContractError, match="BIPOLAR"):
        lift(b.model())


def test_an_accumulator_that_would_wrap_in_hardware_is_refused() -> None:
    b = GraphBuilder(10, (6, 6, 16), "UINT8")
    b.window((3, 3))
    b.matmul(4, "INT8", output="INT12")
    with pytest.raises(ContractError, match=r"MVAU_1.*do not fit.*INT12"):
        lift(b.model())


def test_the_benchmark_reports_both_and_their_difference(tmp_path: Path) -> None:
    image_model().save(str(tmp_path / "net.onnx"))
    crops = np.random.default_rng(13).integers(0, 256, (8, 8, 8, 3), dtype=np.uint8)
    figures = run_benchmark(tmp_path / "net.onnx", crops, work_dir=tmp_path / "finn", finn_crops=2)
    assert figures["differing_bytes"] == 0
    assert figures["crops_per_s"] > 0
    assert figures["ratio"] == pytest.approx(figures["crops_per_s"] * figures["finn_seconds_per_crop"], rel=0.2)
    (tmp_path / "net.onnx").write_bytes(b"no model")
    with pytest.raises(ContractError, match="not an ONNX model"):
        run_benchmark(tmp_path / "net.onnx", crops, work_dir=tmp_path / "finn")
