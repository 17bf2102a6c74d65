"""What a person should know of the labels of a project before they are used, a line each."""

from __future__ import annotations

from rayal.hints import counted
from rayal.labeling.project import Project


def notes_of_duplicates(project: Project) -> list[str]:
    """Say which images are labeled otherwise than the near-duplicate that stands for them."""
    labels, pool = project.labels.labels(), project.pool
    differing = [
        (image, pool[pool.position[image.duplicate_of]])
        for image in pool
        if image.duplicate_of
        and image.rayal_id in labels
        and labels.get(image.duplicate_of, labels[image.rayal_id]) != labels[image.rayal_id]
    ]
    if not differing:
        return []
    own, other = differing[0]
    one = len(differing) == 1
    return [
        f"{counted(len(differing), 'image')} {'is' if one else 'are'} labeled otherwise than "
        f"{'its' if one else 'their'} near-duplicate, such as {own.path} "
        f"('{labels[own.rayal_id]}') and {other.path} ('{labels[other.rayal_id]}'): both labels "
        "train; correct one of them if it is a mistake"
    ]


def notes_of_strangers(project: Project) -> list[str]:
    """Say how many answers are of images that the project does not have."""
    strangers = project.labels.standing().keys() - project.pool.position.keys()
    if not strangers:
        return []
    one = len(strangers) == 1
    return [
        f"{counted(len(strangers), 'image')} {'has' if one else 'have'} an answer in answers.jsonl "
        f"and {'is' if one else 'are'} not in pool.csv, as where files were edited before the "
        "project was made again: these answers count for nothing"
    ]
