"""The time loop: the same bits however steps are grouped, and nothing of a block's size copied while it runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sim.transport.protocol import ghosted_shape
from solvers.adaptive import AdaptiveMarch, Pace
from solvers.boundary import Dirichlet, Neumann, Periodic
from solvers.equations import Heat
from solvers.fluxes import FluxForm
from solvers.integrators import BOGACKI_SHAMPINE, Euler, rkl2
from solvers.operators import Mean, laplacian
from solvers.strips import Strips
from solvers.tiles import Needed, Tiles
from solvers.walls import Sides

Run = Callable[..., Any]

SHAPES = {1: (400,), 2: (37, 91), 3: (13, 12, 67)}
MIXED: Sides = [(Dirichlet(0.5), Neumann(0.3)), (Periodic(), Periodic()), (Neumann(0.0), Dirichlet(-0.2))]
WALLS: Sides = [(Dirichlet(0.0), Dirichlet(0.0))] * 3


def noise(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)


def by_numpy(u: np.ndarray, spacing: tuple[float, ...], dt: float, steps: int) -> np.ndarray:
    """The same scheme on a periodic box, as anyone would write it."""
    for _ in range(steps):
        curvature = sum((np.roll(u, 1, a) - 2 * u + np.roll(u, -1, a)) / h**2 for a, h in enumerate(spacing))
        u = u + dt * curvature
    return u


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize(("depth", "tile"), [(1, ()), (3, ()), (4, (2,)), (4, (2, 16)), (3, (0, 16))])
def test_steps_are_those_of_the_scheme(ndim: int, depth: int, tile: tuple[int, ...], heat: Run) -> None:
    shape, spacing = SHAPES[ndim], (0.1, 0.2, 0.15)[:ndim]
    u = noise(shape, "float64")
    run = heat(shape, [(Periodic(), Periodic())] * ndim, spacing, depth=depth, tile=tile[:ndim])
    np.testing.assert_allclose(run(u, 1e-3, 11), by_numpy(u, spacing, 1e-3, 11), rtol=1e-11, atol=1e-13)


TILES: list[tuple[int, tuple[int, ...]]] = [
    *((depth, ()) for depth in (4, 5)),
    *((depth, (size,)) for depth, size in ((8, 1), (5, 2), (4, 6))),
    *((depth, sizes) for depth, sizes in ((4, (1, 16)), (5, (2, 1)), (3, (0, 20)), (8, (5, 30)), (4, (2, 3, 16)))),
]


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_depths_and_tiles_change_no_bit(ndim: int, dtype: str, heat: Run) -> None:
    shape, spacing = SHAPES[ndim], (0.1, 0.2, 0.15)[:ndim]
    u = noise(shape, dtype)
    run = heat(shape, MIXED[:ndim], spacing)
    plain = {steps: run(u, 1e-3, steps) for steps in (1, 2, 7, 30)}
    for depth, tile in TILES:
        run = heat(shape, MIXED[:ndim], spacing, depth=depth, tile=tile[:ndim])
        for steps, expected in plain.items():
            np.testing.assert_array_equal(run(u, 1e-3, steps), expected, err_msg=f"{steps}: {depth}, {tile}")


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "tile"), [((700,), (64,)), ((80, 41), (4,)), ((80, 141), (4, 32)), ((40, 36, 17), (3, 3))]
)
def test_tiles_inside_a_block_change_no_bit(
    shape: tuple[int, ...], tile: tuple[int, ...], dtype: str, heat: Run
) -> None:
    """Long axes, along which most tiles are inside and asked nothing stage by stage."""
    last = len(shape) - 1
    assert Tiles.fit([Needed(3, n) for n in shape], shape, tile[:last], 1, 3).many
    strips = Strips.fit(3, shape[last], tile[last], 3, 6) if len(tile) > last else None
    assert len(tile) <= last or (strips is not None and strips.count >= 4)
    u, spacing = noise(shape, dtype), (0.1, 0.2, 0.15)[: len(shape)]
    plain = heat(shape, MIXED[: len(shape)], spacing)
    run = heat(shape, MIXED[: len(shape)], spacing, depth=3, tile=tile)
    for steps in (3, 8):
        np.testing.assert_array_equal(run(u, 1e-3, steps), plain(u, 1e-3, steps))


MARGINS: dict[str, dict[str, Any]] = {
    "serial": {"own": (1, 9, 4)},
    "serial, deeper than a stage needs": {"own": (3, 2, 16)},
    "two blocks": {"own": (9, 1, 16), "name": "xla", "devices": 2, "process_grid": (2, 1, 1)},
    "three blocks, uneven": {"own": (2, 1, 1), "name": "virtual", "blocks": 3, "process_grid": (1, 3, 1)},
}


@pytest.mark.parametrize("where", MARGINS)
@pytest.mark.parametrize("tile", [(), pytest.param((3,), marks=pytest.mark.long), (3, 0, 16)])
def test_fewer_ghosts_along_axes_of_ones_own_change_no_bit(where: str, tile: tuple[int, ...], heat: Run) -> None:
    """All but one axis have walls that the block's own cells decide."""
    shape, spacing = (12, 13, 67), (0.1, 0.2, 0.15)
    u = noise(shape, "float32")
    run = heat(shape, MIXED, spacing, depth=4, tile=tile, **MARGINS[where])
    own = zip(run.transport.topology.blocks, MARGINS[where]["own"], strict=True)
    assert run.transport.margins == tuple(4 if parts > 1 else alone for parts, alone in own)
    np.testing.assert_array_equal(run(u, 1e-3, 11), heat(shape, MIXED, spacing)(u, 1e-3, 11))


def test_ghosts_that_do_not_last_are_refused(heat: Run) -> None:
    """Around a periodic axis that is cut into tiles they must, though the block has it for itself."""
    with pytest.raises(ValueError, match="4 stages an exchange use up 4 ghost layers along axis 0; the block has 1"):
        heat((40, 40), [(Periodic(), Periodic())] * 2, (0.1, 0.1), depth=4, tile=(8,), own=(1, 1))(
            noise((40, 40), "float32"), 1e-3, 4
        )


def test_a_chunk_more_or_less_changes_no_bit(heat: Run) -> None:
    """Steps begin where they are, whatever ran before them in the same call."""
    shape = SHAPES[2]
    run = heat(shape, MIXED[:2], (0.1, 0.1), depth=4, tile=(2,))
    u = noise(shape, "float32")
    np.testing.assert_array_equal(run(run(u, 1e-3, 6), 1e-3, 14), run(u, 1e-3, 20))


# ------------------------------------------------------------------------------------- what the compiler made of it


def copies_in_loops(text: str, elements: int) -> list[str]:
    """Copies of at least so many elements in a compiled module, but for those that happen once, at its entry."""
    found, in_entry = [], False
    for line in text.splitlines():
        if line.endswith("{") and not line.startswith(" "):
            in_entry = line.startswith("ENTRY")
        copied = re.search(r"= \(?[a-z]+\d+\[([\d,]+)\]\S* copy(?:-start)?\(", line)
        if copied and not in_entry and math.prod(map(int, copied[1].split(","))) >= elements:
            found.append(line.strip())
    return found


def compiled(run: Any, u: np.ndarray) -> str:
    arguments = (*run.arguments(u, 1e-3), jnp.int64(10))
    return run.programs["even"].lower(*arguments).compile().as_text()


LOOPS: dict[str, dict[str, Any]] = {
    "step by step": {},
    "deep": {"depth": 4},
    "deep, odd": {"depth": 5},
    "tiles": {"depth": 8, "tile": [4]},
    "tiles of all axes, odd": {"depth": 5, "tile": [3, 8, 16]},
    "registers": {"scheme": rkl2(5), "tile": [16]},
    "registers, tiles": {"depth": 8, "tile": [4], "scheme": rkl2(5)},
    "devices": {"depth": 2, "name": "xla", "devices": 4},
    "devices, tiles": {"depth": 4, "tile": [3], "name": "xla", "devices": 2},
}
BLOCKS = {1: (40_000,), 2: (256, 200), 3: (40, 36, 48)}


@pytest.mark.long
@pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads what XLA compiles for the CPU")
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("sides", [MIXED, WALLS], ids=["mixed", "walls"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_nothing_of_a_blocks_size_is_copied(ndim: int, sides: Sides, loop: dict[str, Any], heat: Run) -> None:
    run = heat(BLOCKS[ndim], sides[:ndim], (0.1,) * ndim, **loop)
    text = compiled(run, noise(BLOCKS[ndim], "float32"))
    assert "while(" in text
    assert not copies_in_loops(text, math.prod(run.transport.topology.smallest) // 2)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads what XLA compiles for the CPU")
@pytest.mark.parametrize("loop", ["step by step", "deep", "tiles of all axes, odd", "devices, tiles"])
def test_what_has_no_messages_is_one_function(loop: str, heat: Run) -> None:
    """And no list of small ones, which XLA's runtime would hand out one by one."""
    run = heat(BLOCKS[2], WALLS[:2], (0.1,) * 2, **LOOPS[loop])
    text = compiled(run, noise(BLOCKS[2], "float32"))
    calls = [line for line in text.splitlines() if 'xla_cpu_small_call="true"' in line and " call(" in line]
    assert calls
    entry = text[text.index("\nENTRY") :]
    assert (" while(" in entry) == ("devices" in loop)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads what XLA compiles for the CPU")
@pytest.mark.parametrize("loop", ["step by step", "deep", "tiles", "devices"])
def test_nor_where_steps_may_be_rejected(loop: str, heat: Run) -> None:
    run = heat(BLOCKS[2], MIXED[:2], (0.1, 0.1), **LOOPS[loop], scheme=BOGACKI_SHAMPINE)
    buffers, coefficients, _ = run.arguments(noise(BLOCKS[2], "float32"), 0.0)
    adaptive = AdaptiveMarch(run.march, 1e-3)
    buffers = adaptive.buffers({"u": buffers.now["u"]})
    pace = Pace(jnp.float64(0.0), jnp.float64(1e-3), jnp.int64(0))
    program: Any = run.transport.compile(adaptive.advance, donate=(0,))
    text = program.lower(buffers, coefficients, pace, jnp.float64(1.0), jnp.int64(9)).compile().as_text()
    assert "while(" in text and not copies_in_loops(text, math.prod(run.transport.topology.smallest) // 2)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads what XLA compiles for the CPU")
def test_a_copy_would_be_seen() -> None:
    """One step a turn: what the loop carries changes places, and does so by copying."""
    u = jnp.zeros((256, 256))

    def turn(_: jax.Array, buffers: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        now, spare = buffers
        mean = (now[2:, 1:-1] + now[:-2, 1:-1] + now[1:-1, 2:] + now[1:-1, :-2]) / 4
        return spare.at[1:-1, 1:-1].set(mean), now

    loop = jax.jit(lambda buffers, steps: jax.lax.fori_loop(0, steps, turn, buffers), donate_argnums=0)
    assert copies_in_loops(loop.lower((u, u), jnp.int64(10)).compile().as_text(), u.size // 2)


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_both_buffers_are_donated(loop: dict[str, Any], heat: Run) -> None:
    shape = BLOCKS[2]
    run = heat(shape, MIXED[:2], (0.1, 0.1), **loop)
    buffers, coefficients, clock = run.arguments(noise(shape, "float32"), 1e-3)
    program = run.programs["even"].lower(buffers, coefficients, clock, jnp.int64(4)).compile()
    aliased = re.search(r"input_output_alias=\{(.*?)\}, entry", program.as_text())
    assert aliased and aliased[1].count("-alias") == len(jax.tree.leaves(buffers))
    after, _ = run.programs["even"](buffers, coefficients, clock, jnp.int64(4))
    jax.block_until_ready(after)
    assert buffers.now["u"].is_deleted() and buffers.spare["u"].is_deleted()
    # Neither is anything else of a field's size held while it runs.
    memory = program.memory_analysis()
    block = 4 * math.prod(ghosted_shape(run.transport.topology.largest, run.transport.margins))
    assert memory.temp_size_in_bytes < block / 2


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="asks where in memory arrays are")
@pytest.mark.parametrize("wish", [{}, {"name": "xla", "devices": 1}, {"name": "virtual", "blocks": 4}], ids=str)
def test_what_is_placed_is_written_over(
    wish: dict[str, Any], transport_of: Callable[..., Any], place: Callable[..., Any]
) -> None:
    """Wherever numpy's array happened to begin: one in four does where XLA's do, and could be taken as it is."""
    transport = transport_of((20, 30), 1, **wish)
    program = transport.compile(lambda block, exchange, u: (u + 1, {}), (0,))
    held = [place(transport, noise((20, 30), "float32")) for _ in range(32)]
    where = [u.unsafe_buffer_pointer() for u in held]
    assert [program(u)[0].unsafe_buffer_pointer() for u in held] == where


@pytest.mark.parametrize("depth", [1, 4])
@pytest.mark.parametrize("mean", ["arithmetic", "harmonic"])
def test_nothing_made_of_coefficients_is_held(mean: Mean, depth: int, heat: Run, place: Callable[..., Any]) -> None:
    """Such as the means of k at all faces, which are more than the fields."""
    shape = (300, 400)
    plain = heat(shape, MIXED[:2], (0.1, 0.1), depth=depth)
    march = replace(plain.march, step=Euler(Heat(FluxForm(mean))))
    u = noise(shape, "float32")
    buffers, _, clock = plain.arguments(u, 1e-3)
    arguments = (buffers, {"alpha": place(plain.transport, np.abs(u))}, clock, jnp.int64(4))
    memory = plain.transport.compile(march.even, (0,)).lower(*arguments).compile().memory_analysis()
    assert memory.temp_size_in_bytes < u.nbytes / 2


def test_ghosts_too_shallow_for_the_stencil(heat: Run) -> None:
    run = heat(SHAPES[1], WALLS[:1], (0.1,), weights=np.array([1.0, -4, 6, -4, 1]))
    shallow = heat(SHAPES[1], WALLS[:1], (0.1,), weights=laplacian((0.1,))).transport
    program = shallow.compile(run.march.even, (0,))
    buffers, coefficients, clock = run.arguments(noise(SHAPES[1], "float32"), 1e-3)
    with pytest.raises(ValueError, match="consumes 2 ghost layers; the block has 1"):
        program(buffers, coefficients, clock, jnp.int64(2))
