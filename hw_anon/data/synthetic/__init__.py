"""Synthetic people: parametric bodies, actions near the face and away from it, and sets of pictures of them."""

from __future__ import annotations
