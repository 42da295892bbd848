"""Keeps two remarks of libraries away from users of the command line, who can do nothing about them."""

from __future__ import annotations

import logging
import warnings

__all__ = ["drop_known_noise"]


def drop_known_noise() -> None:
    """Filters what importing torch and Brevitas says on a machine without CUDA; every other warning stays.

    The filters are the process's, so the command line sets them and no library does.
    """
    # torch.utils.cpp_extension, on import: "No CUDA runtime is found". Nothing here compiles CUDA extensions.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    # brevitas.graph.equalize, on import: an optional accelerator of something that is not used here.
    warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found", category=UserWarning)
