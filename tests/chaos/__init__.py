"""Full synchronisations under fire, with servers and workers of their own."""

DIRECTORY_VARIABLE = "COUPLET_CHAOS_DIR"
"""Names the directory of a campaign to all its processes."""
