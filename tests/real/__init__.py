"""A real company's order lines through a real night, and the figures that must come out."""
