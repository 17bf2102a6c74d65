"""Selection from pools that outgrow a machine: features in shards, on one machine or on many.

| file | what it does |
|---|---|
| `shard_rows.py` | a shard's rows as blocks of float32, mapped or read anew at each pass |
| `executor.py` | work on every shard: what is sent there, and what comes back |
| `local.py`, `on_ray/` | who does it: this process, or actors on the nodes of a Ray cluster |
| `row_keys.py` | random numbers by a row's position, so that they do not depend on the shards |
| `top.py`, `k_center.py`, `balance.py` | exact: the same choice whatever the shards |
| `kmeans.py`, `coverage.py`, `typiclust.py` | in two levels, with a bound |
| `strategies.py` | which of them there are, what they need and what they promise |
| `encoding.py` | features of many files, a shard a piece of work |
| `selecting.py` | `select`: the way in |

Letters as everywhere: N rows, D dimensions, C classes, B budget, L labels so far; S shards.
"""
