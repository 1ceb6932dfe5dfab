"""Steps as long as their errors allow."""

from solvers.adaptive.controller import Controller
from solvers.adaptive.march import AdaptiveMarch, Pace

__all__ = ["AdaptiveMarch", "Controller", "Pace"]
