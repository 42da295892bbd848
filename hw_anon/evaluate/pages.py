"""Self-contained HTML pages from templates of this room."""

from __future__ import annotations

from collections.abc import Mapping

from hw_anon.core.errors import ToolError

__all__ = ["render_template"]


def render_template(name: str, *, markup: Mapping[str, str] | None = None, **values: object) -> str:
    """Renders a template; everything but `markup` is escaped, and a name that the template lacks is an error.

    Args:
        name: file name of the template beside this module.
        markup: elements by name that are put in as they are, charts for instance; the template's `markup`.
        values: what else the template shows.

    Raises:
        ToolError: if jinja2 is missing.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as exc:
        raise ToolError("pages need jinja2; install it with: pip install jinja2") from exc
    environment = Environment(
        loader=PackageLoader("hw_anon.evaluate", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    elements = {key: Markup(value) for key, value in (markup or {}).items()}
    return environment.get_template(name).render(markup=elements, **values) + "\n"
