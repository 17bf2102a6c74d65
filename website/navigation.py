"""In which order the pages stand beside each page. A page of `docs/` not named here comes last."""

from __future__ import annotations

from pathlib import Path

ORDER = {
    "Use": [
        *("commands", "labeling", "sweep-file", "results", "experiments", "evidence"),
        *("scale", "cluster", "doctor"),
    ],
    "Strategies": ["which-strategy", "reference/strategies/index", "strategies"],
    "Reference": [
        *(f"reference/{kind}/index" for kind in ("datasets", "encoders", "learners", "metrics")),
        "api",
    ],
    "Write your own": [
        *(f"write-a-{what}" for what in ("strategy", "learner", "dataset", "section")),
        "write-an-exchange-format",
    ],
    "Project": ["structure", "decisions", "contributing", "changelog"],
}
TITLES = {  # beside the pages, where a page's own would say too much or too little there
    "labeling": "Labeling one's own images",
    "cluster": "Clusters",
    "doctor": "What stops a sweep: doctor",
    "evidence": "Evidence",
    "reference/strategies/index": "All strategies, in pictures",
    "strategies": "What they read and cost",
    "write-a-strategy": "A strategy",
    "write-a-learner": "A learner",
    "write-a-dataset": "A dataset",
    "write-a-section": "A section of the report",
    "write-an-exchange-format": "A labeling tool's format",
}


def toctrees(source: Path) -> str:
    """Return the tables of contents of the pages that are in a folder, as Markdown."""
    listed = {name for names in ORDER.values() for name in names} | {"index"}
    others = sorted(path.stem for path in source.glob("*.md") if path.stem not in listed)
    order = {**ORDER, "Use": [*ORDER["Use"], *others]}
    return "".join(_toctree(caption, names, source) for caption, names in order.items())


def _toctree(caption: str, names: list[str], source: Path) -> str:
    existing = [name for name in names if (source / f"{name}.md").is_file()]
    lines = "\n".join(f"{TITLES[name]} <{name}>" if name in TITLES else name for name in existing)
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n:maxdepth: 1\n\n{lines}\n```\n"
