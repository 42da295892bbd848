"""The operator classes that FINN's registry gets: attributes and Python execution are FINN's, the hardware is ours.

Importing this module imports FINN: call `hls.flow.boot.boot` first.

Resource estimates come from `estimates.py`, which also holds the measurements behind them.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from finn.custom_op.fpgadataflow.concat import StreamingConcat
from finn.custom_op.fpgadataflow.duplicatestreams import DuplicateStreams
from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseAdd
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from finn.custom_op.fpgadataflow.upsampler import UpsampleNearestNeighbour
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from hls.kernels import estimates
from hls.kernels.datatypes import sum_datatype
from hls.kernels.wrapper import KernelPort, ParameterValue, WrapperStream, kernel_source, render_wrapper
from hw_anon.core.errors import ConfigError

__all__ = [
    "DuplicateStreams_rtl",
    "ElementwiseAdd_rtl",
    "StreamingConcat_rtl",
    "UpsampleNearestNeighbour_rtl",
    "can_add",
]


class KernelBackend(RTLBackend):
    """What our operators share: checks, wrapper generation, file lists, Python execution.

    Goes before the FINN operator in the list of base classes, so that FINN's `super()` chain ends in that operator.
    """

    kernel: ClassVar[str]
    """Module and file name of the kernel."""

    @abstractmethod
    def require_supported(self) -> None:
        """Checks the node's attributes.

        Raises:
            ConfigError: if the kernel cannot do what they ask for; the message names the node.
        """

    @abstractmethod
    def kernel_parameters(self) -> dict[str, ParameterValue]:
        """Returns the kernel's parameters for this node."""

    def kernel_ports(self) -> list[KernelPort]:
        """Returns how the kernel's stream ports connect; one input and one output by default."""
        return [self._port("s_axis", [0], output=False), self._port("m_axis", [0], output=True)]

    def execute_node(self, context: dict[str, Any], graph: Any) -> None:
        """Computes the node in Python; with `exec_mode` "rtlsim", in the vendor's simulator."""
        if self.get_nodeattr("exec_mode") == "rtlsim":
            super().execute_node(context, graph)
        else:
            super(RTLBackend, self).execute_node(context, graph)

    def get_exp_cycles(self) -> int:
        """Returns the cycles from one image to the next when neither side stalls; the kernels keep them exactly."""
        self.require_supported()
        return int(super().get_exp_cycles())

    def generate_hdl(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:
        """Writes the wrapper into the node's code generation directory.

        Raises:
            ConfigError: if the node's attributes are not supported.
        """
        self.require_supported()
        top = self.get_verilog_top_module_name()
        directory = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        text = render_wrapper(top, self.kernel, self.kernel_parameters(), self.kernel_ports())
        (directory / f"{top}.v").write_text(text)
        self.set_nodeattr("gen_top_module", top)
        self.set_nodeattr("ipgen_path", str(directory))
        self.set_nodeattr("ip_path", str(directory))

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        """Returns the kernel's file and the wrapper, in compile order."""
        source = kernel_source(self.kernel)
        wrapper = f"{self.get_nodeattr('gen_top_module')}.v"
        if not abspath:
            return [source.name, wrapper]
        return [str(source), str(Path(self.get_nodeattr("code_gen_dir_ipgen")) / wrapper)]

    def code_generation_ipi(self) -> list[str]:
        """Returns the Tcl that instantiates the node in a Vivado block design."""
        commands = [f"add_files -norecurse {path}" for path in self.get_rtl_file_list(abspath=True)]
        top, name = self.get_nodeattr("gen_top_module"), self.onnx_node.name
        return [*commands, f"create_bd_cell -type module -reference {top} {name}"]

    def _port(self, prefix: str, indices: list[int], *, output: bool) -> KernelPort:
        if output:
            name, bits, padded = "out", self.get_outstream_width, self.get_outstream_width_padded
        else:
            name, bits, padded = "in", self.get_instream_width, self.get_instream_width_padded
        streams = [WrapperStream(name=f"{name}{i}_V", bits=int(bits(i)), padded_bits=int(padded(i))) for i in indices]
        return KernelPort(prefix=prefix, streams=tuple(streams), output=output)

    def _refuse(self, reason: str) -> ConfigError:
        return ConfigError(f"node {self.onnx_node.name} ({self.onnx_node.op_type}): {reason}")

    def _require_integer(self, datatype: BaseDataType) -> None:
        if not datatype.is_integer():
            raise self._refuse(f"datatype {datatype.name} is not an integer; quantise the layer before it")

    def _require_divides(self, name: str, channels: int) -> None:
        value = self.get_nodeattr(name)
        if value < 1 or channels % value:
            raise self._refuse(f"{name} = {value} does not divide its {channels} channels")


class DuplicateStreams_rtl(KernelBackend, DuplicateStreams):  # noqa: N801 (FINN's naming: operator_backend)
    """Stream fork on `axis_fork`."""

    kernel = "axis_fork"

    def require_supported(self) -> None:
        """See `KernelBackend.require_supported`."""
        branches, outputs = self.get_nodeattr("NumOutputStreams"), len(self.onnx_node.output)
        if branches < 2 or branches != outputs:
            raise self._refuse(f"NumOutputStreams = {branches} with {outputs} outputs; needs as many, at least 2")
        self._require_integer(self.get_input_datatype())
        self._require_divides("PE", self.get_nodeattr("NumChannels"))

    def kernel_parameters(self) -> dict[str, ParameterValue]:
        """See `KernelBackend.kernel_parameters`."""
        return {"DataWidth": int(self.get_instream_width()), "Branches": self.get_nodeattr("NumOutputStreams")}

    def kernel_ports(self) -> list[KernelPort]:
        """See `KernelBackend.kernel_ports`."""
        branches = list(range(self.get_nodeattr("NumOutputStreams")))
        return [self._port("s_axis", [0], output=False), self._port("m_axis", branches, output=True)]

    def lut_estimation(self, fpgapart: str = "") -> int:
        """Returns the estimated LUTs."""
        return estimates.fork_luts(self.get_nodeattr("NumOutputStreams"))


class ElementwiseAdd_rtl(KernelBackend, ElementwiseAdd):  # noqa: N801 (FINN's naming: operator_backend)
    """Integer add of two streams of one shape on `axis_add`; replaces FINN's, which needs a Versal part."""

    kernel = "axis_add"

    def require_supported(self) -> None:
        """See `KernelBackend.require_supported`."""
        if not self.lhs_style == self.rhs_style == "input":
            raise self._refuse("adds two streams only; fold a constant into the thresholds after it")
        shapes = [list(self.lhs_shape), list(self.rhs_shape), list(self.out_shape)]
        if any(shape != shapes[0] for shape in shapes):
            raise self._refuse(f"operands {shapes[0]} and {shapes[1]} with sum {shapes[2]} must have one shape")
        for datatype in (self.lhs_dtype, self.rhs_dtype, self.out_dtype):
            self._require_integer(datatype)
            if datatype == DataType["BIPOLAR"]:
                raise self._refuse("BIPOLAR is not two's complement; quantise to INT2 or wider")
        low, high = self._bounds()
        if self.out_dtype.min() > low or self.out_dtype.max() < high:
            raise self._refuse(
                f"out_dtype {self.out_dtype.name} cannot hold {low} to {high}, the sums of {self.lhs_dtype.name} and "
                f"{self.rhs_dtype.name}; run MinimizeAccumulatorWidth"
            )
        self._require_divides("PE", shapes[0][-1])

    def kernel_parameters(self) -> dict[str, ParameterValue]:
        """See `KernelBackend.kernel_parameters`."""
        a, b = self.lhs_dtype, self.rhs_dtype
        return {
            "Pe": self.pe,
            "AWidth": a.bitwidth(),
            "ASigned": int(a.signed()),
            "BWidth": b.bitwidth(),
            "BSigned": int(b.signed()),
            "SumWidth": self.out_dtype.bitwidth(),
        }

    def kernel_ports(self) -> list[KernelPort]:
        """See `KernelBackend.kernel_ports`."""
        return [
            self._port("s_axis_a", [0], output=False),
            self._port("s_axis_b", [1], output=False),
            self._port("m_axis", [0], output=True),
        ]

    def lut_estimation(self, fpgapart: str = "") -> int:
        """Returns the estimated LUTs."""
        return estimates.add_luts(self.pe, self.lhs_dtype.bitwidth(), self.rhs_dtype.bitwidth())

    def _bounds(self) -> tuple[int, int]:
        a, b = self.lhs_dtype, self.rhs_dtype
        return int(a.min() + b.min()), int(a.max() + b.max())

    def _derive_out_dtype(self, model: ModelWrapper) -> BaseDataType:
        """Returns the smallest type that holds every sum."""
        return sum_datatype([self.lhs_dtype, self.rhs_dtype])


class UpsampleNearestNeighbour_rtl(  # noqa: N801 (FINN's naming: operator_backend)
    KernelBackend, UpsampleNearestNeighbour
):
    """Nearest-neighbour upsampling on `axis_upsample`."""

    kernel = "axis_upsample"

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Returns FINN's attributes and `ram_style`, where the row buffer lies."""
        return {**super().get_nodeattr_types(), "ram_style": ("s", False, "auto", {"auto", "block", "distributed"})}

    def require_supported(self) -> None:
        """See `KernelBackend.require_supported`."""
        size_in = [self.get_nodeattr("HI"), self.get_nodeattr("WI")]
        size_out = [self.get_nodeattr("HO"), self.get_nodeattr("WO")]
        scale = size_out[0] // size_in[0]
        if scale < 2 or size_out != [scale * n for n in size_in]:
            raise self._refuse(f"cannot enlarge {size_in} to {size_out}; both axes need one whole factor, at least 2")
        self._require_integer(self.get_input_datatype())
        self._require_divides("SIMD", self.get_nodeattr("NumChannels"))

    def kernel_parameters(self) -> dict[str, ParameterValue]:
        """See `KernelBackend.kernel_parameters`."""
        return {
            "DataWidth": int(self.get_instream_width()),
            "Width": self.get_nodeattr("WI"),
            "ChannelFold": self.get_nodeattr("NumChannels") // self.get_nodeattr("SIMD"),
            "Scale": self.get_nodeattr("HO") // self.get_nodeattr("HI"),
            "RamStyle": self.ram_style(),
        }

    def ram_style(self) -> str:
        """Returns "block" or "distributed": the attribute, or for "auto" what wastes less."""
        style = self.get_nodeattr("ram_style")
        return estimates.upsample_ram_style(*self._buffer()) if style == "auto" else style

    def lut_estimation(self, fpgapart: str = "") -> int:
        """Returns the estimated LUTs, those used as memory included."""
        return estimates.upsample_luts(*self._buffer(), self.ram_style())

    def bram_estimation(self, fpgapart: str = "") -> int:
        """Returns the estimated BRAM18."""
        return estimates.upsample_bram18(*self._buffer()) if self.ram_style() == "block" else 0

    def _buffer(self) -> tuple[int, int]:
        fold = self.get_nodeattr("NumChannels") // self.get_nodeattr("SIMD")
        return int(self.get_instream_width()), 2 * self.get_nodeattr("WI") * fold


class StreamingConcat_rtl(KernelBackend, StreamingConcat):  # noqa: N801 (FINN's naming: operator_backend)
    """Concatenation of streams of one datatype along the channels on `axis_concat`."""

    kernel = "axis_concat"

    def require_supported(self) -> None:
        """See `KernelBackend.require_supported`."""
        channels, inputs = self.get_nodeattr("ChannelsPerStream"), len(self.onnx_node.input)
        if inputs < 2 or len(channels) != inputs:
            raise self._refuse(f"ChannelsPerStream = {list(channels)} with {inputs} inputs; needs as many, at least 2")
        for k, count in enumerate(channels):
            self._require_integer(self.get_input_datatype(k))
            self._require_divides("SIMD", count)
        types = [*(self.get_input_datatype(k) for k in range(inputs)), self.get_output_datatype()]
        if any(datatype != types[0] for datatype in types):
            names = ", ".join(datatype.name for datatype in types[:-1])
            raise self._refuse(f"inputs are {names}; quantise them to one plain integer type")

    def kernel_parameters(self) -> dict[str, ParameterValue]:
        """See `KernelBackend.kernel_parameters`."""
        channels, simd = self.get_nodeattr("ChannelsPerStream"), self.get_nodeattr("SIMD")
        beats = tuple(int(count) // simd for count in channels)
        return {"DataWidth": int(self.get_instream_width()), "Inputs": len(beats), "Beats": beats}

    def kernel_ports(self) -> list[KernelPort]:
        """See `KernelBackend.kernel_ports`."""
        inputs = list(range(len(self.onnx_node.input)))
        return [self._port("s_axis", inputs, output=False), self._port("m_axis", [0], output=True)]

    def lut_estimation(self, fpgapart: str = "") -> int:
        """Returns the estimated LUTs."""
        simd = self.get_nodeattr("SIMD")
        beats = max(self.get_nodeattr("ChannelsPerStream")) // simd
        return estimates.concat_luts(int(self.get_instream_width()), len(self.onnx_node.input), beats)


def can_add(node: ElementwiseAdd) -> bool:
    """Returns whether `ElementwiseAdd_rtl` can implement an abstract add: two integer streams of one shape."""
    types = (node.lhs_dtype, node.rhs_dtype)
    return (
        node.lhs_style == node.rhs_style == "input"
        and list(node.lhs_shape) == list(node.rhs_shape)
        and all(t.is_integer() and t != DataType["BIPOLAR"] for t in types)
    )
