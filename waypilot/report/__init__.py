"""Results: the file that an evaluation writes, and the page and table made from it."""
