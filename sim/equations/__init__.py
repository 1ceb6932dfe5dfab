"""What the [equation] of a case is to the numerics; one file a family."""

from sim.equations.model import Coefficient, Model
from sim.equations.modelling import model_of
from sim.equations.trial import try_out

__all__ = ["Coefficient", "Model", "model_of", "try_out"]
