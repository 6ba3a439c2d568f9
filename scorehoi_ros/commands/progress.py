"""How far long work is, on the standard error."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any


def show_progress(items: Iterable[Any], count: int | None) -> Iterator[Any]:
    """Pass frames on behind a progress bar on the standard error, with milliseconds a frame.

    The bar appears with the first finished frame, so that nothing stands before an error in what was given.
    """
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    quiet = not sys.stderr.isatty()
    with (
        logging_redirect_tqdm(),
        tqdm(
            items,
            total=count,
            unit="frame",
            file=sys.stderr,
            mininterval=15.0 if quiet else 0.2,
            delay=1e-3,
            dynamic_ncols=True,
        ) as bar,
    ):
        for done, item in enumerate(bar, start=1):
            yield item
            bar.delay = 0  # from now on it ends with a line of its own, also when interrupted
            bar.set_postfix_str(f"{1e3 * bar.format_dict['elapsed'] / done:.0f} ms/frame", refresh=False)
