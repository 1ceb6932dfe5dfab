"""Numbers that describe the fields while they evolve: values at points, integrals over regions and sides."""

from solvers.observing.integral import Measure, OverRegion
from solvers.observing.observation import Observation, Scene
from solvers.observing.probe import Probe
from solvers.observing.sampler import Sampler
from solvers.observing.side import OverSide, SideMeasure

__all__ = ["Measure", "Observation", "OverRegion", "OverSide", "Probe", "Sampler", "Scene", "SideMeasure"]
