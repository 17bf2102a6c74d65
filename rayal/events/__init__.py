"""Who follows a sweep besides the bar: a log, time series for Prometheus, experiment trackers.

A runner reports to one `Progress`; `Watched` passes the report on to the bar at once, and to
listeners in a thread, so that a slow tracker keeps no worker waiting.
"""
