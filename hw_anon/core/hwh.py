"""Renders the hardware handoff (`.hwh`) of a platform: what PYNQ reads to find blocks, registers and interrupts.

The vendor's tools write such a file with a bitstream. This one says the same of everything that software can see, and
nothing of what it cannot (interconnect, resets, the sensor's chain). It serves the simulated board, and as a prediction
that a vendor build's own file is compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import quoteattr

from hw_anon.core.platform import Peripheral, Platform
from hw_anon.core.registers import REGISTERS, Access, Field, Register

__all__ = ["DESIGN_NAME", "render_hwh"]

DESIGN_NAME = "hw_anon"
"""Name of the block design."""

_PL_CLOCKS = 4
_MEMORY_MAPPED = "xilinx.com:interface:aximm:1.0"
_STREAM = "xilinx.com:interface:axis:1.0"
_CONCAT = "xlconcat_0"


def render_hwh(platform: Platform, registers: Sequence[Register] = REGISTERS) -> str:
    """Returns the handoff file's text; equal arguments give equal bytes.

    Args:
        platform: the block design.
        registers: the camera's register map.
    """
    modules = [*_camera(platform, registers), *_vdma(platform), *_interrupts(platform), *_system(platform)]
    board = platform.board
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>',
            '<EDKSYSTEM EDWVERSION="1.2" VIVADOVERSION="2024.1">',
            f"  <SYSTEMINFO{_attributes(DEVICE=board.device, NAME=DESIGN_NAME, PART=board.part)}/>",
            "  <EXTERNALPORTS/>",
            "  <EXTERNALINTERFACES/>",
            "  <MODULES>",
            *_indented(modules, 4),
            "  </MODULES>",
            "</EDKSYSTEM>",
            "",
        ]
    )


def _attributes(**values: object) -> str:
    return "".join(f" {name}={quoteattr(str(value))}" for name, value in values.items())


def _indented(lines: Iterable[str], depth: int) -> list[str]:
    return [" " * depth + line for line in lines]


def _block(tag: str, lines: Sequence[str], **attributes: object) -> list[str]:
    opening = f"<{tag}{_attributes(**attributes)}"
    return [f"{opening}>", *_indented(lines, 2), f"</{tag}>"] if lines else [f"{opening}/>"]


def _parameters(values: Iterable[tuple[str, str]]) -> list[str]:
    return _block("PARAMETERS", [f"<PARAMETER{_attributes(NAME=name, VALUE=value)}/>" for name, value in values])


def _port(name: str, direction: str, *ends: tuple[str, str], signal: str = "undef", bits: int = 1) -> list[str]:
    width = {"LEFT": bits - 1, "RIGHT": 0} if bits > 1 else {}
    connections = [f"<CONNECTION{_attributes(INSTANCE=instance, PORT=port)}/>" for instance, port in ends]
    return _block("PORT", _block("CONNECTIONS", connections), DIR=direction, **width, NAME=name, SIGIS=signal)


def _interface(name: str, kind: str, vlnv: str = _MEMORY_MAPPED) -> list[str]:
    return _block("BUSINTERFACE", [], NAME=name, TYPE=kind, VLNV=vlnv)


def _module(
    instance: str,
    kind: str,
    vlnv: str,
    *,
    addresses: Sequence[str] = (),
    parameters: Iterable[tuple[str, str]] = (),
    ports: Sequence[str] = (),
    interfaces: Sequence[str] = (),
    memory: Sequence[str] = (),
) -> list[str]:
    content = [
        *_block("ADDRESSBLOCKS", addresses),
        *_parameters(parameters),
        *_block("PORTS", ports),
        *_block("BUSINTERFACES", interfaces),
        *(_block("MEMORYMAP", memory) if memory else []),
    ]
    return _block("MODULE", content, FULLNAME=f"/{instance}", INSTANCE=instance, MODTYPE=kind, VLNV=vlnv)


def _kind(vlnv: str) -> str:
    return vlnv.split(":")[2]


def _base(peripheral: Peripheral) -> list[tuple[str, str]]:
    window = peripheral.window
    return [("C_BASEADDR", f"0x{window.base:08X}"), ("C_HIGHADDR", f"0x{window.last:08X}")]


def _camera(platform: Platform, registers: Sequence[Register]) -> list[str]:
    camera, line = platform.camera, platform.interrupt(platform.camera)
    rows = [row for register in registers for row in _register(register)]
    return _module(
        camera.instance,
        _kind(camera.vlnv),
        camera.vlnv,
        addresses=_block(
            "ADDRESSBLOCK",
            _block("REGISTERS", rows),
            INTERFACE=camera.interface,
            NAME="reg0",
            RANGE=camera.window.size,
            USAGE="register",
        ),
        parameters=[*camera.parameters, *_base(camera)],
        ports=_port(line.port, "O", (_CONCAT, f"In{line.index}"), signal="INTERRUPT"),
        interfaces=[
            *_interface(camera.interface, "SLAVE"),
            *_interface("s_axis", "TARGET", _STREAM),
            *_interface("m_axis", "INITIATOR", _STREAM),
        ],
    )


def _register(register: Register) -> list[str]:
    lines = []
    for word in range(register.words):
        name = f"{register.name}_{word}" if register.words > 1 else register.name
        properties = {
            "DESCRIPTION": register.doc,
            "ADDRESS_OFFSET": f"0x{register.offset + 4 * word:X}",
            "SIZE": "32",
            "ACCESS": _access(register.fields),
            "IS_ENABLED": "true",
        }
        fields = [row for field in register.fields for row in _field(field)]
        lines += _block("REGISTER", [*_properties(properties), *_block("FIELDS", fields)], NAME=name)
    return lines


def _field(field: Field) -> list[str]:
    properties = {
        "DESCRIPTION": field.doc,
        "BIT_OFFSET": str(field.lsb),
        "BIT_WIDTH": str(field.width),
        "ACCESS": _access((field,)),
    }
    # In capitals, as the vendor's blocks have it: PYNQ makes attributes of them, beside its own `width` and the like.
    return _block("FIELD", _properties(properties), NAME=field.name.upper())


def _properties(values: Mapping[str, str]) -> list[str]:
    return [f"<PROPERTY{_attributes(NAME=name, VALUE=value)}/>" for name, value in values.items()]


def _access(fields: Sequence[Field]) -> str:
    return "read-only" if all(field.access is Access.RO for field in fields) else "read-write"


def _vdma(platform: Platform) -> list[str]:
    vdma, line = platform.vdma, platform.interrupt(platform.vdma)
    return _module(
        vdma.instance,
        _kind(vdma.vlnv),
        vdma.vlnv,
        parameters=[*vdma.parameters, *_base(vdma)],
        ports=_port(line.port, "O", (_CONCAT, f"In{line.index}"), signal="INTERRUPT"),
        interfaces=[
            *_interface(vdma.interface, "SLAVE"),
            *_interface("M_AXI_S2MM", "MASTER"),
            *_interface("S_AXIS_S2MM", "TARGET", _STREAM),
        ],
        memory=_range(
            platform.ps.instance,
            "HP0_DDR",
            platform.ps.memory.base,
            platform.ps.memory.last,
            "M_AXI_S2MM",
            platform.ps.memory_port,
            "MEMORY",
        ),
    )


def _interrupts(platform: Platform) -> list[str]:
    intc, lines = platform.intc, platform.interrupts
    inputs = [row for line in lines for row in _port(f"In{line.index}", "I", (line.instance, line.port))]
    concat = _module(
        _CONCAT,
        "xlconcat",
        "xilinx.com:ip:xlconcat:2.1",
        parameters=[("NUM_PORTS", str(len(lines)))],
        ports=[*inputs, *_port("dout", "O", (intc.instance, "intr"), bits=len(lines))],
    )
    controller = _module(
        intc.instance,
        _kind(intc.vlnv),
        intc.vlnv,
        parameters=[*intc.parameters, *_base(intc)],
        ports=[
            *_port("intr", "I", (_CONCAT, "dout"), signal="INTERRUPT", bits=len(lines)),
            *_port("irq", "O", (platform.ps.instance, platform.ps.interrupt_port), signal="INTERRUPT"),
        ],
        interfaces=_interface(intc.interface, "SLAVE"),
    )
    return [*concat, *controller]


def _system(platform: Platform) -> list[str]:
    ps = platform.ps
    memory: list[str] = []
    for peripheral in platform.peripherals:
        window = peripheral.window
        memory += _range(
            peripheral.instance, "reg0", window.base, window.last, ps.register_port, peripheral.interface, "REGISTER"
        )
    return _module(
        ps.instance,
        ps.kind,
        ps.vlnv,
        parameters=_clock_parameters(platform),
        ports=_port(ps.interrupt_port, "I", (platform.intc.instance, "irq"), signal="INTERRUPT"),
        interfaces=[*_interface(ps.register_port, "MASTER"), *_interface(ps.memory_port, "SLAVE")],
        memory=memory,
    )


def _range(instance: str, block: str, base: int, last: int, master: str, slave: str, kind: str) -> list[str]:
    attributes = _attributes(
        ADDRESSBLOCK=block,
        BASENAME="C_BASEADDR",
        BASEVALUE=f"0x{base:08X}",
        HIGHNAME="C_HIGHADDR",
        HIGHVALUE=f"0x{last:08X}",
        INSTANCE=instance,
        MASTERBUSINTERFACE=master,
        MEMTYPE=kind,
        SLAVEBUSINTERFACE=slave,
    )
    return [f"<MEMRANGE{attributes}/>"]


def _clock_parameters(platform: Platform) -> list[tuple[str, str]]:
    """Returns what the vendor's tools record of the four clocks; the design uses the first one."""
    clock, parameters = platform.clock, list[tuple[str, str]]()
    first, second = clock.divisors
    for k in range(_PL_CLOCKS):
        used = k == 0
        divisors = (first, second) if used else (1, 1)
        frequency = clock.ps_mhz if used else 10.0
        if platform.ps.kind == "processing_system7":
            parameters += [
                (f"PCW_FPGA_FCLK{k}_ENABLE", str(int(used))),
                (f"PCW_FCLK{k}_PERIPHERAL_DIVISOR0", str(divisors[0])),
                (f"PCW_FCLK{k}_PERIPHERAL_DIVISOR1", str(divisors[1])),
                (f"PCW_FCLK{k}_PERIPHERAL_CLKSRC", "IO PLL"),
                (f"PCW_ACT_FPGA{k}_PERIPHERAL_FREQMHZ", f"{frequency:.6f}"),
            ]
        else:
            name = f"PSU__CRL_APB__PL{k}_REF_CTRL__"
            parameters += [
                (f"PSU__FPGA_PL{k}_ENABLE", str(int(used))),
                (f"{name}DIVISOR0", str(divisors[0])),
                (f"{name}DIVISOR1", str(divisors[1])),
                (f"{name}SRCSEL", "IOPLL"),
                (f"{name}ACT_FREQMHZ", f"{frequency:.6f}"),
            ]
    return parameters
