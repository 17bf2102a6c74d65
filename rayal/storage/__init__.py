"""Where a run lies, on a disk or in an object store, and the formats of its files."""
