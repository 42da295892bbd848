"""A typed netlist of stream-connected instances, with the checks that make a stitched design trustworthy.

FINN's block-design flow leaves connection errors to the vendor's tool. Here every stream is a net with exactly one
driver and one consumer whose payloads agree, and a violation names the two nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from hls.interface import StreamPort
from hls.stitch.keywords import KEYWORDS
from hw_anon.core.errors import ContractError

__all__ = ["Instance", "Net", "Netlist", "PortMap", "StreamPin", "connect", "identifier", "unique_identifiers"]

_TOP = "top-level port"


@dataclass(frozen=True, kw_only=True, slots=True)
class PortMap:
    """A port that is not a stream, tied to an expression."""

    port: str
    """Port of the instantiated module."""
    expression: str
    """Verilog expression on it; empty leaves an output open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamPin:
    """One AXI4-Stream port of an instance."""

    prefix: str
    """Port prefix, e.g. `in0_V` for `in0_V_TDATA`."""
    direction: Literal["in", "out"]
    """Direction seen from the instance."""
    net: str
    """Net it connects to."""
    payload_bits: int
    """Meaningful bits of one beat."""
    port_bits: int
    """Width of the module's data port, padding included."""
    beats: int
    """Beats of one image; 0 for an endless stream (weights)."""
    suffixes: tuple[str, str, str] = ("TDATA", "TVALID", "TREADY")
    """Names of the data, valid and ready ports after `<prefix>_`."""

    @property
    def ports(self) -> tuple[str, str, str]:
        """The module's data, valid and ready ports."""
        data, valid, ready = self.suffixes
        return f"{self.prefix}_{data}", f"{self.prefix}_{valid}", f"{self.prefix}_{ready}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One module instance."""

    name: str
    """Instance name, a Verilog identifier."""
    module: str
    """Module it instantiates."""
    node: str
    """Graph node it implements, for messages and comments."""
    streams: tuple[StreamPin, ...]
    """Its streams."""
    ties: tuple[PortMap, ...] = ()
    """All other ports."""
    parameters: tuple[tuple[str, int], ...] = ()
    """Parameter overrides."""
    comment: str = ""
    """One line on what it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Net:
    """One stream between two ends."""

    name: str
    """Prefix of its wires: `<name>_tdata`, `<name>_tvalid`, `<name>_tready`."""
    bits: int
    """Width of its data wire: the wider of the two ports."""
    driver: str
    """Node that drives it, or a top-level port."""
    consumer: str
    """Node that consumes it, or a top-level port."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Netlist:
    """A checked design, ready to be written."""

    top: str
    """Name of the top module."""
    inputs: tuple[StreamPort, ...]
    """Streams into the design; port `name` is also the name of its net."""
    outputs: tuple[StreamPort, ...]
    """Streams out of the design."""
    instances: tuple[Instance, ...]
    """Instances in dataflow order."""
    nets: tuple[Net, ...]
    """Nets in order of their drivers."""
    monitors: tuple[str, ...] = ()
    """32-bit observation outputs of the top module."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _End:
    node: str
    payload_bits: int
    port_bits: int
    beats: int


def identifier(name: str) -> str:
    """Returns `name` as a Verilog identifier: foreign characters become `_`, keywords get a trailing `_`."""
    out = re.sub(r"\W", "_", name, flags=re.ASCII) or "_"
    if out[0].isdigit():
        out = f"n_{out}"
    return f"{out}_" if out in KEYWORDS else out


def unique_identifiers(names: Iterable[str]) -> dict[str, str]:
    """Maps each name to its own Verilog identifier; clashes after sanitising get a number.

    Raises:
        ContractError: if a name occurs twice.
    """
    table: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        if name in table:
            raise ContractError(f"two nodes are called {name!r}; give the graph's nodes unique names before stitching")
        base = candidate = identifier(name)
        number = 2
        while candidate in taken:
            candidate, number = f"{base}_{number}", number + 1
        taken.add(candidate)
        table[name] = candidate
    return table


def connect(
    top: str,
    instances: Sequence[Instance],
    *,
    inputs: Sequence[StreamPort],
    outputs: Sequence[StreamPort],
    monitors: Sequence[str] = (),
) -> Netlist:
    """Joins the instances' streams into nets and checks every one.

    Args:
        top: name of the top module.
        instances: in dataflow order.
        inputs: top-level input streams; each drives the net of its own name.
        outputs: top-level output streams; each consumes the net of its own name.
        monitors: 32-bit outputs of the top module.

    Raises:
        ContractError: if a net has no driver or consumer or more than one, or if the two ends' payload bits or beats
            of an image differ.
    """
    drivers: dict[str, list[_End]] = {}
    consumers: dict[str, list[_End]] = {}
    for port, side in [(p, drivers) for p in inputs] + [(p, consumers) for p in outputs]:
        payload = port.element_bits * port.elements_per_beat
        end = _End(node=f"{_TOP} {port.name}", payload_bits=payload, port_bits=port.tdata_bits, beats=port.beats)
        side.setdefault(port.name, []).append(end)
    for instance in instances:
        for pin in instance.streams:
            side = drivers if pin.direction == "out" else consumers
            end = _End(node=instance.node, payload_bits=pin.payload_bits, port_bits=pin.port_bits, beats=pin.beats)
            side.setdefault(pin.net, []).append(end)
    names = list(dict.fromkeys([*drivers, *consumers]))
    nets = tuple(_net(name, drivers.get(name, []), consumers.get(name, [])) for name in names)
    return Netlist(
        top=top,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        instances=tuple(instances),
        nets=nets,
        monitors=tuple(monitors),
    )


def _net(name: str, drivers: Sequence[_End], consumers: Sequence[_End]) -> Net:
    """Checks one net's ends and returns it."""
    for role, ends, remedy in (
        ("driver", drivers, "the graph has a dangling tensor"),
        ("consumer", consumers, "a forked tensor needs a DuplicateStreams node, an unused one must be removed"),
    ):
        if len(ends) != 1:
            nodes = ", ".join(end.node for end in ends) or "none"
            raise ContractError(f"stream {name} has {len(ends)} {role}s ({nodes}), it needs exactly one: {remedy}")
    driver, consumer = drivers[0], consumers[0]
    for what, left, right in (
        ("bits a beat", driver.payload_bits, consumer.payload_bits),
        ("beats an image", driver.beats, consumer.beats),
    ):
        if left != right:
            raise ContractError(
                f"stream {name}: {driver.node} sends {left} {what}, {consumer.node} expects {right}; "
                "insert a data width converter (InsertDWC) or fold both alike"
            )
    bits = max(driver.port_bits, consumer.port_bits)
    return Net(name=name, bits=bits, driver=driver.node, consumer=consumer.node)
