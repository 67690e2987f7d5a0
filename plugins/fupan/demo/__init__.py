"""The reference company's source systems: made up, deterministic by seed, and alive (`fupan demo advance`)."""
