"""Rows of published tables, to be shown beside our own; all of them were measured on other data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One row of a paper: Chamfer distances in centimetres, contact ratios; None where it is not told."""

    method: str
    year: str
    cd_human_cm: float | None
    cd_object_cm: float | None
    contact_p: float | None
    contact_r: float | None
    contact_f: float | None
    fps: float | None = None
    """As the paper tells it, most of them on a large graphics card."""


BEHAVE = (
    Published("CHORE", "ECCV 2022", 5.58, 10.66, 0.587, 0.472, 0.523, 0.0035),
    Published("VisTracker", "CVPR 2023", 5.24, 7.89, None, None, None, 0.0359),
    Published("CONTHO", "CVPR 2024", 4.99, 8.42, 0.628, 0.496, 0.554),
    Published("ScoreHOI N=10", "ICCV 2025", 4.85, 7.86, 0.634, 0.586, 0.609, 0.2895),
    Published("ScoreHOI N=2", "ICCV 2025", 4.87, 7.95, None, None, 0.604, 2.008),
    Published("HOI-TG", "CVPR 2025", 4.59, 8.00, 0.662, 0.554, 0.603),
    Published("CrossHOI", "CVPR 2026", 4.27, 7.68, 0.687, 0.576, 0.627),
)
INTERCAP = (
    Published("CHORE", "ECCV 2022", 7.01, 12.81, 0.339, 0.253, 0.290),
    Published("CONTHO", "CVPR 2024", 5.96, 9.50, 0.661, 0.432, 0.522),
    Published("ScoreHOI N=10", "ICCV 2025", 5.56, 8.75, 0.627, 0.590, 0.578),
    Published("HOI-TG", "CVPR 2025", 5.43, 8.68, 0.700, 0.473, 0.565),
    Published("CrossHOI", "CVPR 2026", 5.17, 8.38, 0.724, 0.491, 0.585),
)


def published_rows(dataset: str) -> tuple[str, tuple[Published, ...]]:
    """The data set whose published rows are nearest to `dataset`, and those rows."""
    return ("InterCap", INTERCAP) if dataset == "intercap" else ("BEHAVE", BEHAVE)


def published_note(dataset: str) -> str:
    """How the published rows may be read beside ours."""
    name, _ = published_rows(dataset)
    if dataset in ("behave", "intercap"):
        return (
            f"rows with * are published results on {name}, by their papers' code, frames and body models; "
            "compare them with our columns CD~ (random surface samples, as in that code)"
        )
    return (
        f"rows with * are published results on {name}: other images, other objects, other bodies; "
        "they say what the field reaches, not how the methods rank on this data"
    )
