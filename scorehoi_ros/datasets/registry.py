"""The data sets by name; the only place that imports them, and only the one that is asked for."""

import importlib
from pathlib import Path

from scorehoi_ros.datasets.dataset import Dataset, Request
from scorehoi_ros.errors import InputError

DATASETS: dict[str, str] = {
    "synhoi-test": "scorehoi_ros.datasets.synhoi",
    "behave": "scorehoi_ros.datasets.behave",
    "behave-30fps": "scorehoi_ros.datasets.behave_video",
    "intercap": "scorehoi_ros.datasets.intercap",
    "imhd": "scorehoi_ros.datasets.imhd",
}
"""Names of data sets and the modules that open them: each has `open_folder(request) -> Dataset`."""


def open_dataset(
    name: str,
    root: str | Path | None = None,
    *,
    split: str = "test",
    body_models: str | Path | None = None,
    cache: bool = True,
) -> Dataset:
    """The data set of that name.

    Raises InputError when the name is unknown or when files are missing: the message then says which, where
    they come from and under which licence.
    """
    if name not in DATASETS:
        raise InputError(f"there is no data set {name!r}. Choose one of {', '.join(DATASETS)}.")
    folder = Path(root).expanduser() if root is not None else None
    models = Path(body_models).expanduser() if body_models is not None else None
    module = importlib.import_module(DATASETS[name])
    dataset: Dataset = module.open_folder(Request(name, folder, split, models, cache))
    return dataset
