"""A hardware graph as folding sees it: nodes with their possible foldings, and the streams between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hls.folding.space import Candidate, Scales, candidates
from hls.resources import NodeView, view_model
from hw_anon.core.boards import Board
from hw_anon.core.errors import ConfigError

__all__ = ["Network", "Stream", "read_network"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """A stream from one node to the next."""

    producer: int
    """Index of the node that writes it."""
    consumer: int
    """Index of the node that reads it."""
    bits: int
    """Bits of one element."""
    elements: int
    """Elements of one image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """A graph's nodes, their foldings for one board, and its streams."""

    scales: Scales
    """Board that the foldings are weighed for, and how."""
    views: tuple[NodeView, ...]
    """Nodes in graph order."""
    candidates: tuple[tuple[Candidate, ...], ...]
    """Foldings of each node."""
    streams: tuple[Stream, ...]
    """Streams between nodes."""

    @property
    def board(self) -> Board:
        """Board that the foldings are weighed for."""
        return self.scales.board

    @property
    def matrix_nodes(self) -> tuple[int, ...]:
        """Indices of the matrix-vector units, which set the pace."""
        return tuple(i for i, view in enumerate(self.views) if view.op == "MVAU_rtl")

    def macs(self, index: int) -> int:
        """Returns the multiplications of a matrix-vector unit per image."""
        view = self.views[index]
        return view.integer("MW") * view.integer("MH") * view.vectors

    @property
    def macs_per_inference(self) -> int:
        """Multiplications per image, all layers."""
        return sum(self.macs(index) for index in self.matrix_nodes)

    @classmethod
    def build(
        cls, views: Sequence[NodeView], streams: Sequence[Stream], board: Board, *, bram_price: float = 1.0
    ) -> Network:
        """Lists every node's foldings.

        Raises:
            ConfigError: if a node is not of the folded family, or there is no matrix-vector unit.
        """
        scales = Scales(board=board, bram_price=bram_price)
        network = cls(
            scales=scales,
            views=tuple(views),
            candidates=tuple(candidates(view, scales) for view in views),
            streams=tuple(streams),
        )
        if not network.matrix_nodes:
            raise ConfigError("nothing to fold: the graph has no matrix-vector unit (MVAU_rtl)")
        return network

    def repriced(self, bram_price: float) -> Network:
        """Returns the same network with block RAMs cheaper or dearer against LUTs."""
        return Network.build(self.views, self.streams, self.board, bram_price=bram_price)


def read_network(model: Any, board: Board) -> Network:
    """Reads a specialised FINN graph (`ModelWrapper`) without width converters and FIFOs.

    Raises:
        ConfigError: see `Network.build`.
    """
    positions = {node.name: index for index, node in enumerate(model.graph.node)}
    streams = []
    for index, node in enumerate(model.graph.node):
        for tensor in node.output:
            for consumer in model.find_consumers(tensor) or []:
                streams.append(
                    Stream(
                        producer=index,
                        consumer=positions[consumer.name],
                        bits=int(model.get_tensor_datatype(tensor).bitwidth()),
                        elements=math.prod(model.get_tensor_shape(tensor)),
                    )
                )
    return Network.build(view_model(model), streams, board)
