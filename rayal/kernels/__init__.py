"""Numerics that components share; they import nothing of rayal but one another.

* distances without their matrix: `distances`; bounds on them by products: `gemm_distances`
* covering a pool: `covering` (greedy k-center), `robust_covering` (by an integer program),
  `ball_cover` (ProbCover; `balls`, `ball_graph`, `rounded_products`), `herding` (MaxHerding;
  `smooth_cover`, `lazy_choice`)
* groups: `clustering` (k-means by faiss), `seeding` (k-means++ on gradients), `typicality`, `umap`
* predictions: `uncertainty`, `prototypes` (maximally separated), `discriminator` (VAAL; as its
  authors released it: `released_vaal`)
* classes and rankings: `ranking`, `balance` (CBAL's program), `imbalance` (long-tailed pools)
* machinery: `validation`, `unique_rows`, `row_blocks` (threads), `cuda`
"""
