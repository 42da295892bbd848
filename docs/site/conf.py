"""Settings of Sphinx for the documentation's site, which `docs/site/build.py` stages and builds."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

from docstrings import as_restructured, without_type  # noqa: E402  # found beside this file

from hw_anon import __version__  # noqa: E402

project = "hw-anon"
author = "the hw-anon authors"
copyright = "the hw-anon authors, Apache-2.0"  # Sphinx wants it under this name
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
html_theme = "furo"
html_title = f"hw-anon {release}"
html_copy_source = False
html_show_sphinx = False

myst_heading_anchors = 4
myst_links_external_new_tab = False

# Only in the board's environment: the API reference is read off the modules without them.
autodoc_mock_imports = ["aiohttp", "av", "cv2", "onnxruntime", "paho", "pynq", "pynqmetadata"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
default_role = "code"
suppress_warnings = ["misc.highlighting_failure"]  # an ellipsis in an example stands for what is left out

_VALUES = {"attribute", "data", "property"}


def _docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = as_restructured(without_type(lines) if what in _VALUES else lines)


def setup(app: Sphinx) -> None:
    """Has Sphinx read the Markdown of our docstrings; before Napoleon, which reads their sections."""
    app.connect("autodoc-process-docstring", _docstring, priority=400)
