"""The last step of the write-audit-publish pattern: what the gates passed becomes what BI users see, all at once."""
