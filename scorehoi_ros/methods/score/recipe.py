"""What a refinement by guided sampling does, and the configurations that have a name."""

from dataclasses import dataclass, field, replace

from scorehoi_ros.alignment.weights import Weights

PHYSICAL = Weights(
    landmarks=0.0,
    human_outline=0.0,
    human_cover=0.0,
    object_outline=0.0,
    object_cover=0.0,
    human_contact=0.03,
    object_contact=0.03,
    penetration=1e-3,
    floor=0.015,
    sunk=0.0,
)
"""L_P of the paper: lambda_ho = 1 and lambda_of = 1/2 a metre of mean distance, lambda_pt = 1/10 a metre of
summed depth; the scales of `Weights` divide out."""


@dataclass(frozen=True)
class Recipe:
    """One configuration of Algorithm 1."""

    rounds: int = 2
    """N."""
    tau: int = 50
    """Noise level up to which an estimate is inverted."""
    dt: int = 2
    """Levels between two evaluations of the network."""
    track_rounds: int = 1
    """N, tau and dt of a frame that goes on from the one before."""
    track_tau: int = 20
    track_dt: int = 2
    weights: Weights = field(default_factory=Weights)
    """Of the terms that guide."""
    published: bool = False
    """Follow the plain gradient (equation 7); else the posterior's score in units of uncertainty."""
    rho: float = 30.0
    """Scale of the plain gradient."""
    rate: float = 0.35
    """Standard deviations a step, in units of uncertainty."""
    tolerance: float = 0.0
    """A round ends once no hypothesis' loss changes by a larger share of itself in a step (ScoreHMR); 0 = at
    level 0 only."""
    guided: bool = True
    polish: int = 0
    """Steps of the alignment after the last round, by its own terms: without them the noise that sampling
    leaves would decide between hypotheses."""
    polish_rate: float = 0.15
    """Standard deviations a step."""
    recontact: bool = True
    """Contacts are predicted again in each round (CDIR); else those of the regressor are kept."""
    learned: float = 1.0
    """Share of what the denoiser says beyond the regressor's own Gaussian that counts."""
    image: bool = True
    """Whether the network is given c_I."""
    geometry: bool = True
    """Whether it is given c_G."""
    corrected: bool = False
    """Whether the corrector comes last, where the paper has its mesh regressor."""

    @property
    def tracking(self) -> "Recipe":
        """The same for a frame that goes on from the one before: a lower level, in fewer steps, all taken.

        The loss of a single hypothesis pauses by chance: ending then saved nothing on validation sequences.
        """
        return replace(self, rounds=self.track_rounds, tau=self.track_tau, dt=self.track_dt, tolerance=0.0)


RECIPES: dict[str, Recipe] = {
    "score": Recipe(
        weights=Weights(penetration=1.0), tolerance=0.02, polish=20, learned=0.25, corrected=True
    ),
    "score-n2": Recipe(weights=PHYSICAL, published=True),
    "score-paper": Recipe(rounds=10, weights=PHYSICAL, published=True),
}
