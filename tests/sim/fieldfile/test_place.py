"""Where a path starts: at the case, in a package."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from sim.fieldfile import FieldFileError, open_field, resolve


def test_a_path_starts_at_the_base(tmp_path: Path) -> None:
    assert resolve("a/f.npy", None, tmp_path) == tmp_path / "a/f.npy"
    assert resolve(tmp_path / "f.npy", None, Path("elsewhere")) == tmp_path / "f.npy"


def test_a_path_in_a_package_that_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "trap_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (tmp_path / "trap_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve("data/f.npy", "trap_package", Path("base")) == package / "data/f.npy"
    for path in ("../trap_module.py", "data/../../x", "/etc/passwd"):
        with pytest.raises(FieldFileError, match="leaves package"):
            resolve(path, "trap_package", tmp_path)
    for name in ("trap_module", "no_such_package", "", "__main__"):
        with pytest.raises(FieldFileError, match="not installed"):
            resolve("f.npy", name, tmp_path)
    with pytest.raises(FieldFileError, match="subpackage"):
        resolve("f.npy", "trap_package.data", tmp_path)


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_the_elevation_model_inside_matplotlib() -> None:
    path = resolve("mpl-data/sample_data/jacksboro_fault_dem.npz", "matplotlib", Path())
    field = open_field(path).turned((True, False))
    assert field.dataset == "elevation"
    assert field.shape == (344, 403)
    with np.load(path) as archive:
        whole = archive["elevation"][::-1]
    np.testing.assert_array_equal(field.read(np.index_exp[100:200, 7:9]), whole[100:200, 7:9])
