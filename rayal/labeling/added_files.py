"""Files that came among the images after the project was made: its pool does not have them."""

from __future__ import annotations

from rayal.hints import counted
from rayal.labeling.assemble import scan_source
from rayal.labeling.errors import LabelingError
from rayal.labeling.project import Project


def note_of_added(project: Project) -> list[str]:
    """Return a line that says so, none where no file was added or renamed.

    Where the images or their list cannot be read any more, there is nothing to say of added ones.
    """
    if not project.has_images:
        return []
    try:
        found = [candidate.path for candidate in scan_source(project)[0].candidates]
    except LabelingError:
        return []
    known = {*project.pool.paths, *(left_out.path for left_out in project.left_out)}
    added = [path for path in found if path not in known]
    if not added:
        return []
    one = len(added) == 1
    return [
        f"{counted(len(added), 'file')} {'is' if one else 'are'} not of this project, such as "
        f"{added[0]}: what is added or renamed after the first round is neither chosen nor "
        "predicted. Make another project with it (--out), or predict it in Python by "
        "rayal.load_classifier"
    ]
