"""The netlist's checks and the Verilog it becomes; no tool needed."""

from __future__ import annotations

import dataclasses

import pytest

from hls.interface import StreamPort
from hls.stitch.emit import emit_verilog
from hls.stitch.netlist import Instance, StreamPin, connect, identifier, unique_identifiers
from hw_anon.core.errors import ContractError

_IN = StreamPort(name="s_axis", element_bits=4, elements_per_beat=3, signed=False, shape=(2, 3), tdata_bits=16)
_OUT = dataclasses.replace(_IN, name="m_axis", has_tlast=True)


def _pin(prefix: str, direction: str, net: str, *, port_bits: int = 16, payload: int = 12, beats: int = 2) -> StreamPin:
    return StreamPin(
        prefix=prefix, direction=direction, net=net, payload_bits=payload, port_bits=port_bits, beats=beats
    )


def _instance(name: str, *pins: StreamPin) -> Instance:
    return Instance(name=name, module=f"{name}_module", node=f"node_{name}", streams=pins)


def _pair(**middle: int) -> list[Instance]:
    """Two instances in a row; `middle` changes the first one's output."""
    return [
        _instance("first", _pin("in0_V", "in", "s_axis"), _pin("out0_V", "out", "link", **middle)),
        _instance("second", _pin("in0_V", "in", "link"), _pin("out0_V", "out", "m_axis")),
    ]


def test_a_chain_has_one_net_per_stream() -> None:
    netlist = connect("top", _pair(), inputs=[_IN], outputs=[_OUT])
    assert {(n.name, n.driver, n.consumer) for n in netlist.nets} == {
        ("s_axis", "top-level port s_axis", "node_first"),
        ("link", "node_first", "node_second"),
        ("m_axis", "node_second", "top-level port m_axis"),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"payload": 8}, "node_first sends 8 bits a beat, node_second expects 12"),
        ({"beats": 4}, "node_first sends 4 beats an image, node_second expects 2"),
    ],
)
def test_ends_must_agree(change: dict[str, int], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        connect("top", _pair(**change), inputs=[_IN], outputs=[_OUT])


def test_every_net_has_one_driver_and_one_consumer() -> None:
    first, second = _pair()
    with pytest.raises(ContractError, match=r"link has 0 drivers"):
        connect("top", [dataclasses.replace(first, streams=first.streams[:1]), second], inputs=[_IN], outputs=[_OUT])
    with pytest.raises(ContractError, match=r"link has 2 drivers \(node_first, node_third\)"):
        third = _instance("third", _pin("out0_V", "out", "link"))
        connect("top", [first, second, third], inputs=[_IN], outputs=[_OUT])
    with pytest.raises(ContractError, match=r"m_axis has 2 consumers \(top-level port m_axis, node_third\)"):
        third = _instance("third", _pin("in0_V", "in", "m_axis"))
        connect("top", [first, second, third], inputs=[_IN], outputs=[_OUT])
    with pytest.raises(ContractError, match=r"s_axis has 0 consumers"):
        connect("top", [], inputs=[_IN], outputs=[])


def test_unpadded_ports_are_sliced_and_spare_bits_are_zero() -> None:
    text = emit_verilog(connect("top", _pair(port_bits=12), inputs=[_IN], outputs=[_OUT]))
    assert "wire [15:0] link_tdata;" in text
    assert "assign link_tdata[15:12] = {4{1'b0}};" in text
    assert ".out0_V_TDATA(link_tdata[11:0])" in text
    assert ".in0_V_TDATA(link_tdata)" in text


def test_wires_are_declared_once_and_ports_are_not_redeclared() -> None:
    text = emit_verilog(connect("top", _pair(), inputs=[_IN], outputs=[_OUT]))
    assert text.count("wire link_tvalid;") == 1
    assert "wire [15:0] m_axis_tdata;" not in text
    assert "output wire m_axis_tlast\n);" in text
    assert text.index("`default_nettype none") < text.index("module top (")
    assert text.endswith("`default_nettype wire\n")


def test_names_become_identifiers() -> None:
    assert identifier("conv0_mvu") == "conv0_mvu"
    assert identifier("a.b/c-1") == "a_b_c_1"
    assert identifier("3x3") == "n_3x3"
    assert identifier("fork") == "fork_"
    assert identifier("größe") == "gr__e"
    assert unique_identifiers(["a.b", "a_b", "c"]) == {"a.b": "a_b", "a_b": "a_b_2", "c": "c"}
    with pytest.raises(ContractError, match="two nodes are called 'a'"):
        unique_identifiers(["a", "a"])
