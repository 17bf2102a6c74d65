"""Arrays in, numbers out: intervals, correlations, tests, rankings. Imports nothing of rayal."""
