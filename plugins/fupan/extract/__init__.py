"""From source systems into schema `raw`: contract checked, every row counted, personal data hashed on the way."""
