"""The batch scripts of scripts/: where they are, and how one is filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from sim.errors import SimError


def find(name: str) -> Path:
    """scripts/NAME of the source tree, or the copy that an installed package has under share/halostep."""
    beside = Path(__file__).parents[2] / "scripts" / name
    if beside.is_file():
        return beside
    try:
        files = metadata.files("halostep") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        installed = Path(str(file.locate())).resolve()
        if file.name == name and installed.is_file():
            return installed
    raise SimError(
        f"{name} is neither in {beside.parent} nor among the installed files; reinstall halostep, or take the script "
        f"from its source and give it to sbatch yourself"
    )


def read(name: str) -> str:
    return find(name).read_text(encoding="utf-8")


def fill(text: str, directives: Mapping[str, str | None], settings: Mapping[str, str]) -> str:
    """A script with its `#SBATCH --NAME=…` lines and its `NAME=…` settings changed, all else as it was.

    directives: of sbatch's long options, quoted as sbatch reads them; those that the script has only as a suggestion
    (##SBATCH) come into force, new ones are added, None stands for an option without a value.  settings: bash's
    right-hand sides, quoted; each must be one of the script's.
    """
    lines = text.splitlines()
    for name, value in directives.items():
        line = f"#SBATCH --{name}" if value is None else f"#SBATCH --{name}={value}"
        places = [i for i, old in enumerate(lines) if re.fullmatch(rf"##?SBATCH --{re.escape(name)}(=.*)?", old)]
        if places:
            lines[places[0]] = line
        else:
            lines.insert(_after_directives(lines), line)
    for name, value in settings.items():
        place = next(i for i, old in enumerate(lines) if old.startswith(f"{name}="))
        lines[place] = f"{name}={value}"
    return "\n".join(lines) + "\n"


def value_of(text: str, name: str) -> str:
    """What a script asks of sbatch by one of its options, which it must have."""
    return next(match[1] for match in re.finditer(rf"^#SBATCH --{re.escape(name)}=(.*)$", text, re.MULTILINE))


def _after_directives(lines: list[str]) -> int:
    return 1 + max(i for i, line in enumerate(lines) if line.startswith("#SBATCH "))
