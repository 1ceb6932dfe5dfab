"""Where a field's file lies."""

from __future__ import annotations

import importlib.util
from pathlib import Path, PurePath

from sim.fieldfile.layout import FieldFileError


def resolve(path: Path | str, package: str | None, base: Path) -> Path:
    """Return where `path` lies: relative to `base`, or inside the installed `package`, which is not imported.

    Raises FieldFileError where the package is not installed or `path` leads out of its directory.
    """
    return _in_package(PurePath(path), package) if package is not None else base / path


def _in_package(path: PurePath, package: str) -> Path:
    # By its parts alone: some systems install a package's data as symbolic links to another place, and those
    # are the packager's, not the case's.
    if path.is_absolute() or ".." in path.parts:
        raise FieldFileError(f"path {str(path)!r} leaves package {package!r}; give one inside, without '..'")
    places = [Path(place) / path for place in _places(package)]
    if not places:
        raise FieldFileError(f"package {package!r} is not installed or has no files; install it, or drop the key")
    return next((place for place in places if place.exists()), places[0])


def _places(package: str) -> list[str]:
    if "." in package:  # importlib would import the parent to find it
        raise FieldFileError(f"package {package!r} is a subpackage; name the first part and a path inside it")
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    return [] if spec is None else list(spec.submodule_search_locations or ())
