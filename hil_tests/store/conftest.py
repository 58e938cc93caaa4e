"""The bench that the tests of the store share: a folder in memory, a key, and workers under the shim."""

import shutil
from collections.abc import Iterator

import pytest

from hil_tests.foreign import WANT
from hil_tests.store.crashes import Bench, bench
from hil_tests.store.shim import SOURCE, Workers, compiler, fast_folder, preloadable


@pytest.fixture(scope="module")
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Give a bench with workers under the shim."""
    if compiler() is None:
        pytest.skip("%s not run %sa C compiler" % (request.module.COUNTED, WANT))
    folder = fast_folder(tmp_path_factory.mktemp("store"), request.module.__name__.rpartition(".")[2])
    with Workers(preloadable(SOURCE, folder)) as workers:
        yield bench(folder, workers)
    shutil.rmtree(folder)
