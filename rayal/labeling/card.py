"""The card of a classifier: what it is, what it learned from, how good it is, what it is not."""

from __future__ import annotations

import json

import numpy as np

from rayal.labeling.accuracy import Accuracy, Share, audit_accuracy
from rayal.labeling.classifier import Classifier
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.project import Project
from rayal.labeling.training import LEARNER
from rayal.registry import LEARNERS

TEXT = """\
---
tags: [image-classification]
library_name: rayal
---
# Classifier of {count} classes

Logistic regression (L2 penalty, C = {C:g}) on features of unit length: {features}.
Probabilities are brought to the accuracy that they claim by the temperature {temperature:.3g}.

```python
import rayal

classifier = rayal.load_classifier("classifier")
classifier.predict(["a.png", "b.png"])        # names of classes
classifier.predict_proba(features)            # (n, {count}), in the order of classifier.classes
```

## Learned from

{labels} labeled images of {images:,}{audit}.

| class | labels |
|---|---|
{classes}

## How good it is

{accuracy}

Images of another kind than the pool (another device, another stain, other classes) are outside of
what was measured. Every image is given one of the {count} classes, also one that is of none.
"""


def card_of(project: Project, pool: LabeledPool, classifier: Classifier, with_audit: bool) -> str:
    """Return the card as Markdown.

    Args:
        project: that the classifier is of.
        pool: its labels, the audit sample told apart.
        classifier: trained on them.
        with_audit: whether the audit sample trained it too.
    """
    rows = pool.labeled if with_audit else pool.training
    counts = np.bincount(pool.labels[rows], minlength=pool.num_classes)
    job = classifier.encoder
    made_by = (
        f"encoder `{job.name}` {_code(json.dumps(dict(job.params)))}" if job else "from a file"
    )
    audit = f", {len(pool.audited)} of them of the audit sample" if with_audit else ""
    return TEXT.format(
        C=LEARNERS.find(LEARNER).bind({})["C"],
        count=len(classifier.classes),
        features=f"{classifier.weights.shape[1] - 1} features, {made_by}",
        temperature=classifier.temperature,
        labels=len(rows),
        images=len(project.pool),
        audit=audit,
        classes="\n".join(
            f"| {_cell(name)} | {n} |" for name, n in zip(pool.classes, counts, strict=True)
        ),
        accuracy=_accuracy(audit_accuracy(pool), with_audit),
    )


def _accuracy(found: Accuracy | None, with_audit: bool) -> str:
    if found is None:
        return (
            "It was not measured: there is no audit sample with labels (`rayal select --audit 30`)."
        )
    without = " This is of the classifier without the audit sample." if with_audit else ""
    recall = "\n".join(f"| {_cell(name)} | {in_words(s)} |" for name, s in found.recall.items())
    return (
        f"On {found.overall.n} images drawn at random from the pool, which it did not learn from: "
        f"accuracy {in_words(found.overall)}.{without}\n\n| class | recall |\n|---|---|\n{recall}"
    )


def in_words(share: Share) -> str:
    """Return a proportion with its interval, as text."""
    if not share.n:
        return "not measured: no image in the audit sample"
    low, high = share.interval
    return (
        f"{100 * share.value:.0f} % ({share.count} of {share.n}; 95 % interval "
        f"{100 * low:.0f} to {100 * high:.0f} %)"
    )


def _cell(text: str) -> str:
    """A name in a table of Markdown, in which nothing of it is markup."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>()#+-.!|&~" else sign for sign in text)


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`"
