"""Rows without noise: text in one form, and rows that teach nothing left out with their reason."""

from luthier.data.clean.boilerplate import Boilerplate, LineCounts
from luthier.data.clean.rows import Cleaned, CleanedBatch, Cleaner, clean, count_lines, turns_of

__all__ = ["Boilerplate", "Cleaned", "CleanedBatch", "Cleaner", "LineCounts", "clean", "count_lines", "turns_of"]
