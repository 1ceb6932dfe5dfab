"""What the tests of the numerics share: transports by name, and a heat equation to march."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sim.team import Solo
from sim.topology import Ghosts
from sim.transport import Transport, Wish, choose_transport
from sim.transport_name import Name
from solvers.boundary import Periodic
from solvers.equations import Heat
from solvers.grid import Grid
from solvers.integrators import Euler, Explicit, Scheme, Step
from solvers.march import March
from solvers.operators import laplacian
from solvers.rounds import Buffers, Clock
from solvers.stencil import Form, Stencil
from solvers.walls import Sides, Walls


def transport_of(
    shape: Sequence[int], ghosts: int, name: Name = "serial", unit: int = 1, own: Sequence[int] = (), **wish: Any
) -> Transport:
    """A transport in this process, of blocks with so many ghosts, along axes that they have for themselves their `own`.

    `wish` is devices, blocks, process_grid or halo.
    """
    return choose_transport(name, Wish(**wish), Solo(), tuple(shape), Ghosts(ghosts, tuple(own)), unit)


def place(transport: Transport, values: np.ndarray) -> jax.Array:
    return transport.place(lambda box: values[box], values.dtype)


def whole(transport: Transport, u: jax.Array) -> np.ndarray:
    """All blocks of a distributed field, put together."""
    found = np.full(transport.topology.shape, np.nan, u.dtype)
    for box, values in transport.blocks(u):
        found[box] = values
    return found


@dataclass
class Run:
    """A march on a transport, called like the function that it is: initial values → values after some steps."""

    march: March
    transport: Transport
    programs: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("even", "single"):
            self.programs[name] = self.transport.compile(getattr(self.march, name), donate=(0,))

    def __call__(
        self, initial: np.ndarray, dt: float, steps: int, alpha: float = 1.0, source: np.ndarray | None = None
    ) -> np.ndarray:
        buffers, coefficients, clock = self.arguments(initial, dt, alpha)
        if source is not None:
            coefficients["source"] = place(self.transport, source)
        stages = steps * self.march.stages
        even = stages - stages % 2
        buffers, _ = self.programs["even"](buffers, coefficients, clock, jnp.int64(even))
        if stages % 2:
            buffers, _ = self.programs["single"](buffers, coefficients, clock._replace(first=jnp.int64(even)))
        return self.whole(buffers)

    def whole(self, buffers: Buffers) -> np.ndarray:
        return whole(self.transport, buffers.now["u"])

    def arguments(self, initial: np.ndarray, dt: float, alpha: float = 1.0) -> tuple[Buffers, dict, Clock]:
        buffers = self.march.buffers({"u": place(self.transport, initial)})
        return buffers, {"alpha": jnp.asarray(alpha, initial.dtype)}, clock(dt)


def clock(dt: float, start: float = 0.0, first: int = 0) -> Clock:
    return Clock(jnp.float64(start), jnp.int64(first), jnp.float64(dt))


def grid_of(shape: Sequence[int], spacing: Sequence[float], periodic: tuple[bool, ...] = ()) -> Grid:
    """A grid of this spacing from the origin on."""
    upper = tuple(n * h for n, h in zip(shape, spacing, strict=True))
    return Grid(tuple(shape), (0.0,) * len(shape), upper, periodic)


def heat(
    shape: Sequence[int],
    sides: Sides,
    spacing: Sequence[float],
    *,
    weights: np.ndarray | None = None,
    form: Form = "slices",
    depth: int = 1,
    tile: Sequence[int] = (),
    scheme: Scheme | None = None,
    name: Name = "serial",
    **wish: Any,
) -> Run:
    """∂u/∂t = α ∇²u (or other `weights`) by Euler or a `scheme`, `depth` stages an exchange, in tiles or not."""
    equation = Heat(Stencil(laplacian(spacing) if weights is None else weights, form))
    step: Step = Euler(equation) if scheme is None else Explicit(equation, scheme)
    transport = transport_of(shape, depth * step.width, name, **wish)
    grid = grid_of(shape, spacing, tuple(isinstance(lower, Periodic) for lower, _ in sides))
    return Run(March(step, {"u": Walls(sides, grid, step.width)}, grid, tuple(tile)[: len(shape)]), transport)


@pytest.fixture(scope="session", name="heat")
def _heat() -> Callable[..., Run]:
    return heat


@pytest.fixture(scope="session", name="transport_of")
def _transport_of() -> Callable[..., Transport]:
    return transport_of


@pytest.fixture(scope="session", name="place")
def _place() -> Callable[..., jax.Array]:
    return place


@pytest.fixture(scope="session", name="whole")
def _whole() -> Callable[..., np.ndarray]:
    return whole


@pytest.fixture(scope="session", name="grid_of")
def _grid_of() -> Callable[..., Grid]:
    return grid_of


@pytest.fixture(scope="session", name="clock")
def _clock() -> Callable[..., Clock]:
    return clock
