"""Offline: the journal of a gateway whose daemon does not run."""

from gateway.config import Configuration
from gateway.control import unreachable
from gateway.frame import UnreachableError
from gateway.journal import Journal
from gateway.recorder import journal_path


def journal_at_home(configuration: Configuration) -> Journal:
    """Open the journal in the home folder of *configuration*; raises UnreachableError where there is none yet."""
    path = journal_path(configuration.home)
    if not path.exists():
        raise UnreachableError(unreachable(configuration.home))
    return Journal(path, configuration.platforms)
