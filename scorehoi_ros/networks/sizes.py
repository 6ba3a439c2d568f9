"""Sizes of the networks; a file of weights says which it was made with."""

from dataclasses import dataclass

from scorehoi_ros.errors import InputError


@dataclass(frozen=True)
class RegressorSize:
    """What decides the layout of a regressor."""

    image: str
    """"lite" (masks alone) or "paper" (ResNet-50 on picture and masks)."""
    pixels: int
    """Side of the square crop that the image net looks at."""
    width: int
    layers: int
    hypotheses: int = 12
    """Rotations of the object that are proposed."""

    @property
    def in_colour(self) -> bool:
        """Whether it looks at the picture, too."""
        return self.image == "paper"


SIZES: dict[str, RegressorSize] = {
    "live": RegressorSize("lite", 64, 256, 4),
    "full": RegressorSize("lite", 128, 256, 6),
    "paper": RegressorSize("paper", 256, 256, 6),
}


def regressor_size(name: str) -> RegressorSize:
    """The size of a name; raises InputError for another one."""
    if name not in SIZES:
        raise InputError(f"there is no size {name!r} of the regressor. Sizes: {', '.join(SIZES)}.")
    return SIZES[name]
