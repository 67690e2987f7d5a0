"""The reference company's source systems, as an installation meets them: a database, an API, a folder of files."""
