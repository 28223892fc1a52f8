"""Towns whose roads no policy may have learned."""

from __future__ import annotations

EVALUATION_TOWNS = frozenset({"Lite01", "Lite04", "Lite05", "Lite06"})
"""Where the suites drive that judge policies, and towns kept for such suites; drives in them must train nothing."""
