"""`python -m hw_anon.cli`, the same as `hw-anon`."""

from __future__ import annotations

import sys

from hw_anon.cli import main

sys.exit(main())
