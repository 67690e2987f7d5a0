"""The night: one build from what has landed to what is published, step by step."""
