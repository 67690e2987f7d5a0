"""What a source table promises (dbt's sources YAML) and how an installation gets it (dags/sources/<installation>)."""
