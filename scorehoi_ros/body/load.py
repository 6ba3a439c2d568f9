"""Loading a body model: the free one of the package, or a file of the user."""

from functools import cache
from pathlib import Path

from scorehoi_ros.assets import model_file
from scorehoi_ros.body import asset_file, smplh_file
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.errors import BodyError


def load_body(path: str | Path | None = None) -> BodyModel:
    """Load the free body (``None`` or ""), a file made by `scorehoi body build`, or a licensed SMPL-H file.

    SMPL-H files may be ``.npz`` or ``.pkl``; pickles are read with an unpickler that knows arrays only.
    Raises BodyError when the file is missing, damaged, unsafe or of another layout.
    """
    path = Path(path) if path else model_file("body_anny.npz")
    if not path.is_file():
        raise BodyError(
            f"no body model at {path}. Give an SMPL-H .npz or .pkl file, a file written by "
            "`scorehoi body build`, or leave the option away to use the free body."
        )
    if asset_file.is_asset(path):
        return asset_file.read_asset(path)
    return smplh_file.read_smplh(path)


@cache
def free_body() -> BodyModel:
    """The body that comes with the package, read once in each process."""
    return load_body()
