"""Image files, tables of labels and archives, read into arrays."""
