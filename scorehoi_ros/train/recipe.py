"""What decides how a network is trained on a first stage that stays as it is."""

from dataclasses import dataclass
from pathlib import Path

from scorehoi_ros.train.loop import Schedule


@dataclass(frozen=True)
class Recipe:
    """Everything besides the data and that stage."""

    size: str
    """Of the regressor, one of `networks.sizes.SIZES`."""
    seconds: float
    batch: int
    """Frames, or answers to them, in a step."""
    lr: float
    seed: int
    device: str
    weights: str
    """Folder of the first stage's weights; empty = the shipped ones."""
    validation: int
    """Views that it is measured on."""
    start: Path | None = None
    """Weights (safetensors) of the network to start from."""

    def schedule(self, average: float) -> Schedule:
        """How the training goes; `average` as in `Schedule`."""
        every = max(self.seconds / 20, 15.0)
        return Schedule(self.seconds, self.batch, self.lr, 200, every, seed=self.seed, average=average)
