"""The manifest as Parquet (the extra `parquet`): the same rows give the same bytes; few are in memory at a time."""

from __future__ import annotations

from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.manifest import COLUMNS, Placed, Put

NAME = "manifest.parquet"
_ROWS_AT_A_TIME = 50_000
_SPOOLED_BYTES = 8 << 20


def check_parquet() -> None:
    """Raise ConfigurationError if the extra is not installed."""
    _pyarrow()


def write_parquet(placed: Placed, put: Put) -> None:
    """Write it. Raises DestinationError."""
    pyarrow, parquet = _pyarrow()
    types = [pyarrow.int64() if name == "bytes" else pyarrow.string() for name in COLUMNS]
    schema = pyarrow.schema(list(zip(COLUMNS, types, strict=True)))
    rows = placed.manifest()
    with SpooledTemporaryFile(_SPOOLED_BYTES) as file:
        with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            while group := list(islice(rows, _ROWS_AT_A_TIME)):
                columns = [list(column) for column in zip(*group, strict=True)]
                writer.write_table(pyarrow.table(columns, schema=schema))
        file.seek(0)
        put(NAME, cast("BinaryIO", file))


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigurationError("manifest: Parquet needs pyarrow; install dicomveil-proxy[parquet]") from None
    return pyarrow, parquet
