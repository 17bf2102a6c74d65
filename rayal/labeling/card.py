"""The card of a classifier: what it is, what it learned from, how good it is, what it is not."""

from __future__ import annotations

import json

from rayal.label_arrays import count_by_class
from rayal.labeling.accuracy import AnyAccuracy, audit_accuracy
from rayal.labeling.classifier import Classifier
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.multilabel_accuracy import MultilabelAccuracy
from rayal.labeling.project import Project
from rayal.labeling.share import Share
from rayal.labeling.training import LEARNER
from rayal.registry import LEARNERS

TEXT = """\
---
tags: [{tags}]
library_name: rayal
---
# Classifier of {count} classes

{model} (L2 penalty, C = {C:g}) on features of unit length: {features}.
Probabilities are brought to the accuracy that they claim by the temperature {temperature:.3g}.

```python
import rayal

classifier = rayal.load_classifier("classifier")
classifier.predict(["a.png", "b.png"])        # {predicted}
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
what was measured. {limit}
"""
ONE_CLASS = {
    "tags": "image-classification",
    "model": "Logistic regression",
    "predicted": "names of classes",
    "limit": "Every image is given one of the {count} classes, also one that is of none.",
}
SEVERAL_CLASSES = {
    "tags": "image-classification, multi-label",
    "model": "Logistic regression of each class for itself",
    "predicted": "the names of each image's classes, () for none",
    "limit": "An image may have several of the {count} classes, or none; each is predicted from a "
    "probability of one half on.",
}


def card_of(project: Project, pool: LabeledPool, classifier: Classifier, with_audit: bool) -> str:
    """Return the card as Markdown.

    Args:
        project: that the classifier is of.
        pool: its labels, the audit sample told apart.
        classifier: trained on them.
        with_audit: whether the audit sample trained it too.
    """
    rows = pool.labeled if with_audit else pool.training
    counts = count_by_class(pool.labels[rows], pool.num_classes)
    job = classifier.encoder
    made_by = (
        f"encoder `{job.name}` {_code(json.dumps(dict(job.params)))}" if job else "from a file"
    )
    audit = f", {len(pool.audited)} of them of the audit sample" if with_audit else ""
    words = SEVERAL_CLASSES if pool.multilabel else ONE_CLASS
    words = {name: text.format(count=len(classifier.classes)) for name, text in words.items()}
    return TEXT.format(
        **words,
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


def _accuracy(estimate: AnyAccuracy | None, with_audit: bool) -> str:
    if estimate is None:
        return (
            "It was not measured: there is no audit sample with labels (`rayal select --audit 30`)."
        )
    without = " This is of the classifier without the audit sample." if with_audit else ""
    if isinstance(estimate, MultilabelAccuracy):
        return _multilabel_accuracy(estimate, without)
    recall = "\n".join(f"| {_cell(name)} | {in_words(s)} |" for name, s in estimate.recall.items())
    return (
        f"{_on_audit_sample(estimate)}: accuracy {in_words(estimate.overall)}.{without}\n\n"
        f"| class | recall |\n|---|---|\n{recall}"
    )


def _multilabel_accuracy(estimate: MultilabelAccuracy, without: str) -> str:
    rows = "\n".join(
        f"| {_cell(name)} | {in_words(recall)} | {in_words(estimate.specificity[name])} |"
        for name, recall in estimate.recall.items()
    )
    ranked = (
        "" if estimate.macro_auc is None
        else f" Macro AUC {estimate.macro_auc:.3f}{_of_fewer(estimate)}, without an interval."
    )  # fmt: skip
    return (
        f"{_on_audit_sample(estimate)}: "
        f"all classes of an image right {in_words(estimate.overall)}.{ranked}{without}\n\n"
        "| class | recall, images with it | specificity, images without it |\n|---|---|---|\n"
        f"{rows}"
    )


def _on_audit_sample(estimate: AnyAccuracy) -> str:
    return (
        f"On {estimate.overall.n} images drawn at random from the pool, which it did not learn from"
    )


def _of_fewer(estimate: MultilabelAccuracy) -> str:
    """Say which classes an area under the curve leaves out."""
    if not estimate.not_ranked:
        return ""
    listed = ", ".join(map(_cell, estimate.not_ranked))
    return f" (without {listed}: the sample has no image with, or none without)"


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
