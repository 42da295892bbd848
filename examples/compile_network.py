"""Compiles another member of the modifier's family: your own size and precision.

    .venv/bin/python examples/compile_network.py --widths 8 16 24 --blocks 2 --weight-bits 3
    .venv/bin/python examples/compile_network.py --build      # RTL and its simulation, minutes

The weights are random: what a network costs does not depend on them. `hw-anon train --recipe chip-s` or
`hw-anon distil` write directories with trained ones, which the same commands take as `--net`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from quant.modifier import ModifierConfig
from quant.training import write_weights
from quant.zoo import random_net


def main() -> None:
    """Writes the network, and compiles it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--side", type=int, default=32, help="of the crops in pixels: 32 to 96")
    parser.add_argument("--widths", type=int, nargs=3, default=(6, 8, 12), help="channels at three resolutions")
    parser.add_argument("--blocks", type=int, default=1, help="residual blocks")
    parser.add_argument("--weight-bits", type=int, default=3, help="of all layers but the first and the last")
    parser.add_argument("--board", default="pynq-z2")
    parser.add_argument("--faces-per-s", type=float, default=500)
    parser.add_argument("--build", action="store_true", help="make and simulate the RTL")
    parser.add_argument("--out", type=Path, default=Path("build/examples/network"))
    given = parser.parse_args()

    config = ModifierConfig(
        input_size=given.side, widths=tuple(given.widths), blocks=given.blocks, weight_bits=given.weight_bits
    )
    net = random_net(seed=1, config=config)
    directory = given.out / "my-modifier"
    write_weights(net, directory, record={"config": config.as_json(), "purpose": "random weights"}, metrics={})
    print(f"{directory}: {net.macs():,} multiply-accumulates a face")

    command = [sys.executable, "-m", "hw_anon.cli", "build" if given.build else "explore"]
    command += ["--net", str(directory), "--board", given.board, "--faces-per-s", str(given.faces_per_s)]
    subprocess.run([*command, "--work", str(given.out / "work")], check=True)


if __name__ == "__main__":
    main()
