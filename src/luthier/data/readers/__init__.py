"""Readers turn a file of some known format into rows; whatever is wrong with it is told at once, by line."""

from luthier.data.readers.catalogue import reader_for, readers, recognise
from luthier.data.readers.parts import MAX_ROW_BYTES, Fault, Origin, Reader
from luthier.data.readers.sources import (
    Item,
    origin_of,
    parts_of,
    parts_of_bytes,
    pieces_of_part,
    read_part,
    read_source,
)

__all__ = [
    "MAX_ROW_BYTES",
    "Fault",
    "Item",
    "Origin",
    "Reader",
    "origin_of",
    "parts_of",
    "parts_of_bytes",
    "pieces_of_part",
    "read_part",
    "read_source",
    "reader_for",
    "readers",
    "recognise",
]
