"""How is a file or a folder of data read, and what is wrong with one that cannot be?"""

from __future__ import annotations

import codecs
import csv
import gzip
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from search.data.archive import from_arrays
from search.data.idx import image_files, is_idx, read_idx_folder, read_idx_pair
from search.data.images import holds_images, read_image_folder
from search.data.npz import read_arrays
from search.data.raw import RawData, from_frame, refuse_duplicates
from search.errors import DataError
from spaces.errors import nearest

if TYPE_CHECKING:
    import pandas as pd

    from search.data.config import DataConfig

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET = (".parquet", ".pq")
SUFFIXES = (*DELIMITERS, *(f"{suffix}.gz" for suffix in DELIMITERS), *PARQUET, ".npz")
DELIMITER_NAMES = {",": "','", "\t": "tabs", ";": "';'", "|": "'|'"}


def read_file(path: Path, source: str, config: DataConfig | None = None) -> RawData:
    """Read a data file, or a folder of images or IDX files.

    ``source`` is what messages call it. Raises DataError for whatever keeps it from being read.
    """
    contents = read_contents(path, source, config)
    if not isinstance(contents, dict):
        return from_frame(source, contents)
    raw = from_arrays(source, contents, config)
    images = path.is_dir() or is_idx(path)
    return replace(raw, layout="image") if images and raw.array is not None and raw.layout is None else raw


def read_contents(path: Path, source: str, config: DataConfig | None = None) -> pd.DataFrame | dict[str, NDArray[Any]]:
    """Read what a file holds: a table, or arrays by name; of images ``x`` and ``y`` or ``x_train`` and its like.

    Raises DataError for whatever keeps it from being read.
    """
    require_file(path, source, folder=True)
    if path.is_dir():
        if image_files(path):
            return read_idx_folder(path, source)
        if holds_images(path):
            return read_image_folder(path, source, None if config is None else config.image_size)
    elif suffix_of(path) == ".npz" or is_idx(path):
        return read_idx_pair(path, source) if is_idx(path) else _read_npz(path, source)
    return read_table(path, source)


def read_table(path: Path, source: str | None = None) -> pd.DataFrame:
    """Read a CSV, TSV (both also .gz) or Parquet file as it is, for training or as new rows to predict.

    Raises:
        DataError: the file is missing, empty, damaged, not UTF-8, of an unknown type, or not a table with a
            header.
    """
    source = source or path.name
    require_file(path, source)
    suffix = suffix_of(path)
    if suffix in PARQUET:
        return _read_parquet(path, source)
    if suffix not in DELIMITERS:
        raise DataError(f"{source}: must end in one of {', '.join(SUFFIXES)}, got '{path.suffix or path.name}'")
    return _read_text(path, source, DELIMITERS[suffix])


def suffix_of(path: Path) -> str:
    """Return the suffix that tells the format: lower case, without a final .gz."""
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return plain.suffix.lower()


def require_file(path: Path, source: str, *, folder: bool = False) -> None:
    """Raise DataError if there is no such file, with what may have been meant; ``folder``: or folder."""
    try:
        if not folder or not path.is_dir():
            _refuse_no_file(path, source)
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise DataError(f"{source}: cannot be read ({error.strerror or error}); check its name") from error


def _refuse_no_file(path: Path, source: str) -> None:
    if path.is_dir():
        if not any(path.iterdir()):
            raise DataError(f"{source}: is an empty folder; name a file, or a folder of images or IDX files")
        inside = sorted(entry.name for entry in path.iterdir() if suffix_of(entry) in (*DELIMITERS, *PARQUET, ".npz"))
        found = f"; it holds {', '.join(inside[:5])}" if inside else ""
        raise DataError(f"{source}: must be a file, but is a folder{found}")
    if not path.exists():
        if path.is_symlink():
            raise DataError(f"{source}: is a link that leads nowhere; link it to the data, or name the file itself")
        siblings = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
        close = nearest(path.name, siblings).split(" Allowed")[0] if siblings else ""
        guess = f"; {close}" if close.startswith("did you mean") else ""
        raise DataError(f"{source}: no such file in {path.parent}{guess}")
    if not path.stat().st_size:
        raise DataError(f"{source}: the file is empty (0 bytes)")


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def _read_text(path: Path, source: str, delimiter: str) -> pd.DataFrame:
    import pandas as pd

    try:
        header = _header(path, source, delimiter)
        with _open(path) as stream:
            frame = pd.read_csv(
                stream,
                sep=delimiter,
                na_values=["?"],
                skipinitialspace=True,
                low_memory=False,  # one type per column, not per chunk
                encoding="utf-8",
            )
    except UnicodeDecodeError:
        raise DataError(_encoding_message(path, source)) from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"{source}: cannot be unpacked as gzip ({error}); write or download it again") from error
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, csv.Error) as error:
        reason = " ".join(str(error).removeprefix("Error tokenizing data. C error: ").split())
        raise DataError(f"{source}: is not a table of equally long lines: {reason}") from error
    if not len(frame):
        raise DataError(f"{source}: has a header of {len(header)} columns, but no rows")
    first = frame.columns[0]
    if first.startswith("Unnamed:") and np.array_equal(frame[first].to_numpy(), np.arange(len(frame))):
        # The index that DataFrame.to_csv writes by default: row numbers, nothing to learn from.
        frame = frame.drop(columns=first)
    return frame


def _header(path: Path, source: str, delimiter: str) -> list[str]:
    """Read the header's names; raises DataError, UnicodeDecodeError, or what gzip raises."""
    with _open(path) as stream:
        line, second = stream.readline().decode("utf-8-sig"), stream.readline().decode("utf-8")
    if not line.strip():
        raise DataError(f"{source}: the first line must name the columns, but is blank")
    names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    if len(names) == 1:
        for other in DELIMITER_NAMES:
            if other != delimiter and other in line:
                raise DataError(_delimiter_message(source, suffix_of(path), delimiter, other))
    if all(_is_number(name) for name in names) and names != [str(i) for i in range(len(names))]:
        shown = ", ".join(names[:3])
        raise DataError(
            f"{source}: the first line must name the columns, but holds numbers ({shown}, ...); add a header line"
        )
    refuse_duplicates(source, [name for name in names if name])
    fields = len(next(csv.reader([second], delimiter=delimiter), []))
    if fields > len(names):
        # pandas would take the first fields for row labels, without a word.
        raise DataError(f"{source}: the header names {len(names)} columns, but line 2 has {fields} fields")
    return names


def _delimiter_message(source: str, suffix: str, delimiter: str, other: str) -> str:
    if other == "\t":
        remedy = "give it the ending .tsv"
    elif other == ",":
        remedy = "give it the ending .csv"
    else:
        code = f"import pandas as p; p.read_csv('{source}', sep='{other}').to_csv('new.csv', index=False)"
        remedy = f'rewrite it, e.g. python -c "{code}"'
    rule = f"a {suffix} file must separate columns with {DELIMITER_NAMES[delimiter]}"
    return f"{source}: {rule}, got {DELIMITER_NAMES[other]}; {remedy}"


def _encoding_message(path: Path, source: str) -> str:
    """Find the first byte that is not UTF-8, reading on from the start.

    The parser's own offset counts from its last chunk.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    with _open(path) as stream:
        while chunk := stream.read(1 << 20):
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                offset += error.start - held
                byte = f"byte {offset} is 0x{error.object[error.start]:02x}"
                remedy = "save it as UTF-8, e.g. with iconv -f latin1 -t utf-8"
                return f"{source}: must be UTF-8 text, but {byte}; {remedy}"
            offset += len(chunk)
    return f"{source}: must be UTF-8 text, but its last character is cut off"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_parquet(path: Path, source: str) -> pd.DataFrame:
    import pandas as pd
    import pyarrow

    try:
        # A block for each column, and neither the file nor its table beside them: half the memory at its peak.
        lean = {"split_blocks": True, "self_destruct": True}
        frame = pd.read_parquet(path, engine="pyarrow", to_pandas_kwargs=lean, pre_buffer=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{source}: cannot be read as Parquet ({str(error).splitlines()[0]})") from error
    release_memory()
    return frame


def release_memory() -> None:
    """Give the system back what tables have let go of: Arrow, in whose memory Parquet is read, would keep it."""
    import pyarrow

    pyarrow.default_memory_pool().release_unused()


def _read_npz(path: Path, source: str) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as stream:  # NumPy leaves it open where it fails
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                raise DataError(f"{source}: must be an NPZ archive with X and y, got one plain array")
            with loaded as archive:
                return read_arrays(archive)
    except ValueError as error:
        # NumPy speaks of pickle for two things: an array of objects, and a file that is no archive at all.
        reason = "it holds Python objects: save plain arrays" if "Object arrays" in str(error) else "not an NPZ archive"
        raise DataError(f"{source}: cannot be read as NPZ ({reason})") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{source}: cannot be read as NPZ ({error}); write or download it again") from error
