"""The warehouse itself: connections by role, roles and schemas, and the tables of schema `ops`."""
