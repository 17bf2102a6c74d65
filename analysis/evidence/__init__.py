"""Which strategy to use, from the records of many runs: the page docs/evidence.md and its CSV.

cells.py    every data set x encoder x budget x strategy: the gain over random, with its test
earlier.py  cells of an earlier table, whose records are not at hand
leaders.py  cells -> a leaderboard, and what to use when
published_order.py  whether later queries rank as in the literature
page.py     all of it as Markdown
"""
