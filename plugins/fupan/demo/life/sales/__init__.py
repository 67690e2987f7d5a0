"""Sales of the reference company: what is ordered through each trade, and what becomes of it."""

from fupan.demo.life.sales.told import Sales, told

__all__ = ["Sales", "told"]
