"""Whatever is wrong with a file, said in one message."""

from __future__ import annotations

import lzma
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.fieldfile.layout import FieldFileError

# What numpy, zipfile, zlib and h5py raise for a damaged file: any of these.
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
    MemoryError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)


@contextmanager
def one_message(path: Path) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's remarks on headers that Python 2 wrote
            yield
    except FieldFileError:
        raise
    except _DAMAGE as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise FieldFileError(f"cannot read {path}: {reason}; check that the file is whole and yours") from error
