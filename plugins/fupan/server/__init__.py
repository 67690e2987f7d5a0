"""The servers that Fupan itself starts on a bare machine: PostgreSQL and Airflow."""
