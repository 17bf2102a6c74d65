"""Which image of a project a file speaks of: by id, else by path, else none; nothing is guessed."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from rayal.datasets._files.image_index import ImageIndex
from rayal.labeling.exchange.tool import Returned
from rayal.labeling.other_files import OtherFiles
from rayal.labeling.project import Project


class ImageFinder:
    """Finds the images of a project, and those left out as copies of them."""

    def __init__(self, project: Project) -> None:
        self._project = project
        copies = {image.path: image.rayal_id for image in project.left_out if image.rayal_id}
        self._id_of_path = dict(zip(project.pool.paths, project.pool.ids, strict=True)) | copies
        self._index = ImageIndex(project.root, [*project.pool.paths, *copies])
        self._others = OtherFiles(project)
        self._in_folders = _chosen_in_folders(project)

    def find(self, returned: Returned, *, are_bare: bool = False) -> str:
        """Return the rayal_id of the image that a file says something of.

        are_bare: no path in the file names a folder, as where a tool has left these out.

        Raises:
            ValueError: it is no image of the project, or id and path are of two images; the
                message begins with its place in the file.
        """
        if returned.rayal_id:
            self._check_id(returned)
            self._check_path(returned)
            return returned.rayal_id
        path = self._relative(returned.path)
        if are_bare:
            self._check_bare(returned.place, path)
        if not self._index.has_path(path):  # so that it may be the name of a file in any folder
            self._others.refuse(returned.place, path)
        return self._id_of_path[self._index.find(returned.place, path)]

    def _check_id(self, returned: Returned) -> None:
        if returned.rayal_id not in self._project.pool.position:
            raise ValueError(
                f"{returned.place}: no image of this project has the id {returned.rayal_id} "
                f"({returned.path or 'no path'}): it is of other bytes, or was left out"
            )

    def _check_bare(self, place: str, path: str) -> None:
        """Refuse a name that may be of a chosen image in a folder, too."""
        chosen = self._in_folders.get(path)
        if chosen and path in self._id_of_path:
            raise ValueError(
                f"{place}: '{path}' may be the image of that path or {chosen}, since no path in "
                "the file names a folder: give paths with their folders, or ids"
            )

    def _check_path(self, returned: Returned) -> None:
        """Refuse an id beside the path of another image, as where one column alone was sorted."""
        other = self._id_of_path.get(self._relative(returned.path or ""), returned.rayal_id)
        if other != returned.rayal_id:
            pool = self._project.pool
            own = pool[pool.position[returned.rayal_id]].path
            raise ValueError(
                f"{returned.place}: the id {returned.rayal_id} is of {own}, and the path beside it "
                f"is {returned.path}: one column may have been sorted without the others"
            )

    def _relative(self, path: str) -> str:
        """Return a path as the pool has it: relative to the images' folder."""
        if path in self._id_of_path:
            return path
        path = path.strip()
        if not self._project.has_images:
            return path
        source = self._project.source
        if Path(path).is_absolute() and Path(path).is_relative_to(source):
            return Path(path).relative_to(source).as_posix()
        return path.removeprefix(f"{source.name}/")


def _chosen_in_folders(project: Project) -> dict[str, str]:
    """Return name -> path of the images in folders that a round has chosen."""
    pool = project.pool
    chosen = [rayal_id for made in project.rounds for rayal_id in made.ids]
    paths = (pool[pool.position[own]].path for own in chosen if own in pool.position)
    return {PurePosixPath(path).name: path for path in paths if "/" in path}
