"""How the reference company is told: chance that belongs to a key, moments, columns, texts."""
