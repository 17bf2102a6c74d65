"""Which strategy to use, from the records of many runs: the page docs/evidence.md and its CSV.

cells.py    every dataset x encoder x budget x strategy: the gain over random, with its test
earlier.py  cells of an earlier table, whose records are not at hand
advice.py   cells -> which strategy to use with so many labels a class
by_features.py      the same for the features of each encoder
bar.py      whether auto reaches the bar of a default
rivals.py   auto against every other strategy
leaders.py  cells -> a leaderboard, and what the oracle beside it is
published_order.py  whether later queries rank as in the literature
mixing.py    what of an earlier table cannot stand beside the runs at hand
shared_rows.py      rows that several strategies share in one table and not in another
stopped.py   strategies that `prune` stopped
not_covered.py      what all this says nothing of
markdown.py words and tables that these share
page.py     all of it as Markdown
"""
