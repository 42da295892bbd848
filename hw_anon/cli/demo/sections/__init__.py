"""The page's sections, one module each: what a section says is in its template, what it shows is gathered here."""

from __future__ import annotations
