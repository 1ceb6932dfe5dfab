"""Arrays made of shifts and arithmetic, cell by cell: what a GPU's kernel makes of a stage."""

from solvers.cellwise.in_place import written

__all__ = ["written"]
