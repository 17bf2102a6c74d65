"""Object stores for images, those that runs are tested on."""

from tests.storage.conftest import place, server, start_server

__all__ = ["place", "server", "start_server"]
