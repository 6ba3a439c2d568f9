"""How many threads numerical work may use."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """At most `count` threads of torch inside the block, as many as before after it."""
    torch = importlib.import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
