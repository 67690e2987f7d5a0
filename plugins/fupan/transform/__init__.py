"""From raw to marts: dbt, run stage by stage, and what its manifest tells."""
