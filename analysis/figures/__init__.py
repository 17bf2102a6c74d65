"""Tables in, pictures out, one family a file. Nothing is computed here but where to draw."""
