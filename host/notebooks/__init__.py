"""Notebooks for a board (entry point pynq.notebooks): `pynq get-notebooks hw-anon` copies them."""
