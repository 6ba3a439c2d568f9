"""What a variant of `score` does, as numbers (stand-in until the method itself is merged)."""

from dataclasses import dataclass, field

from scorehoi_ros.alignment.weights import Weights


@dataclass(frozen=True)
class Recipe:
    """Everything in which variants of `score` differ."""

    rounds: int = 2
    """N of the paper."""
    tau: int = 50
    """Noise level that sampling starts from."""
    dt: int = 2
    """Noise levels in one step."""
    hypotheses: int = 4
    prior: str = "diffusion"
    """Or "gaussian"."""
    image: bool = True
    """The image condition c_I is kept."""
    geometry: bool = True
    """The geometry condition c_G is kept."""
    recontact: bool = True
    """Contacts are predicted again in each round (CDIR)."""
    weights: Weights = field(default_factory=Weights)
    guided: bool = True


RECIPES = {"score": Recipe(rounds=5), "score-n2": Recipe(), "score-paper": Recipe(rounds=10, hypotheses=1)}
"""Name of the method -> its recipe."""
