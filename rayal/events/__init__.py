"""What happens in a sweep, and who is told: a display, a log, time series, experiment trackers.

A runner reports to one `Listener`. The one it is given is usually a `Dispatcher`, which passes the
report on: to the display at once, to all others each in a thread of its own, so that a slow tracker
keeps no worker waiting.
"""
