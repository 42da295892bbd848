"""hw-anon: a camera that cannot show a face."""

__version__ = "0.1.0"
