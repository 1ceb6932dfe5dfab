"""Every box of a file is that of the whole array, and little is read for it."""

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.fieldfile import FieldFile, open_field
from tests.sim.fieldfile.files import WRITERS, Writer, hdf5, npy, npz


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_box_is_that_of_the_whole(tmp_path: Path, write: Writer, order: str) -> None:
    values = np.asarray(np.random.default_rng(0).normal(size=(9, 7, 5)), order=order)  # type: ignore[call-overload]
    path = write(tmp_path, values)
    for flip in ((False, False, False), (False, True, False), (True, True, True)):
        field = open_field(path).turned(flip)
        turned = np.flip(values, tuple(axis for axis, f in enumerate(flip) if f))
        assert field.shape == (9, 7, 5)
        for box in (np.s_[0:9, 0:7, 0:5], np.s_[2:5, 6:7, 1:4], np.s_[8:9, :, 0:1], np.s_[3:3, 0:7, 0:5]):
            part = field.read(box)
            assert part.dtype == np.float64
            assert part.flags.c_contiguous
            assert part.flags.owndata
            np.testing.assert_array_equal(part, turned[box])


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("dtype", ["?", "i1", "<u2", ">i4", "<f2", ">f4", "<f8", "g"])
def test_real_numbers_of_any_kind_become_float64(tmp_path: Path, write: Writer, dtype: str) -> None:
    values = np.array([0, 1, 3, 100]).astype(dtype)
    field = open_field(write(tmp_path, values))
    np.testing.assert_array_equal(field.read(np.index_exp[1:4]), values[1:4].astype(float))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_random_boxes_of_an_archive(tmp_path: Path, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4), "shape"))
    values = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    if data.draw(st.booleans(), "Fortran's order"):
        values = np.asfortranarray(values)
    cuts = [data.draw(st.tuples(st.integers(0, n), st.integers(0, n)).map(sorted)) for n in shape]
    flip = tuple(data.draw(st.tuples(*[st.booleans()] * len(shape)), "flip"))
    box = tuple(slice(*cut) for cut in cuts)
    turned = np.flip(values, tuple(axis for axis, f in enumerate(flip) if f))
    np.testing.assert_array_equal(open_field(npz(tmp_path, values)).turned(flip).read(box), turned[box])


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_small_box_of_a_large_file_takes_little_memory(tmp_path: Path, write: Writer, order: str) -> None:
    values = np.zeros((2000, 1000), order=order)  # type: ignore[call-overload]
    values[1500, 500] = 1
    path = write(tmp_path, values)
    del values
    open_field(path).read(np.index_exp[0:1, 0:1])  # imports are not the reading's
    tracemalloc.start()
    part = open_field(path).read(np.index_exp[1490:1510, 400:600])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part.sum() == part[10, 100] == 1
    assert peak < 4e6  # of 16 MB


def test_an_open_field_can_be_pickled_and_holds_no_file(tmp_path: Path) -> None:
    field = open_field(hdf5(tmp_path, np.eye(3))).turned((True, False))
    copy = pickle.loads(pickle.dumps(field))
    assert isinstance(copy, FieldFile)
    assert copy == field
    assert copy.dataset == "group/only"
    np.testing.assert_array_equal(copy.read(np.index_exp[:, :]), np.eye(3)[::-1])


@pytest.mark.parametrize(
    "box", [np.index_exp[0:4], np.s_[0:5, 0:4], np.s_[-1:2, 0:3], np.s_[3:2, 0:3], np.s_[0:4:2, 0:3]]
)
def test_a_box_outside_the_array_is_an_error(tmp_path: Path, box: tuple[slice, ...]) -> None:
    field = open_field(npy(tmp_path, np.zeros((4, 3))))
    with pytest.raises(ValueError, match="box"):
        field.read(box)
