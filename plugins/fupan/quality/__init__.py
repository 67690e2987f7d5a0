"""Great Expectations prove the data twice: what arrived (raw gate) and what is about to be published (release gate)."""

import os

# Great Expectations reads this when it is imported, whichever module of ours comes first.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
