"""The command line: what is asked for, what is printed, and the exit status."""
