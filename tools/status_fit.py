"""Logistic regressions without negative weights, their reliability, and the table that is shipped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from scorehoi_ros.files import whole_file
from scorehoi_ros.frame.trust import probability

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "scorehoi_ros" / "frame" / "trust_weights.py"
PLOT = ROOT / "docs" / "images" / "status_reliability.png"
RIDGE = 0.02
"""Half of it times the squared weights, in standard deviations of the doubts, is added to the mean loss."""
NEGLIGIBLE = 0.03
"""A weight that moves the log-odds by less for one standard deviation is left out."""
OK = 0.7

Array = NDArray[np.float64]
Rows = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Fitted:
    """One regression, see `trust.probability`."""

    bias: float
    weights: dict[str, float]
    typical: dict[str, float]


def fit(rows: Rows, right: NDArray[np.bool_] | Array) -> Fitted:
    """Weights of the doubts in `rows` for whether, or how far (0..1), an estimate is right (n,).

    What the product's own mask says counts no more than what a given one would.
    """
    names = sorted(set().union(*rows))
    known = np.array([[row.get(name, np.nan) for name in names] for row in rows])
    own, given = (names.index(name) for name in ("own_misfit", "misfit"))
    # The smaller weight is that of both, the rest, which is not negative either, that of given masks.
    known[:, own] += known[:, given]
    mean = np.nanmean(known, axis=0)
    X = np.where(np.isnan(known), mean, known)
    scale = X.std(0) + 1e-9
    bias, weights = _solve(X / scale, right.astype(np.float64))
    kept = [i for i, weight in enumerate(weights) if weight > NEGLIGIBLE]
    bias, weights = _solve((X / scale)[:, kept], right.astype(np.float64))
    table = {names[i]: w / scale[i] for i, w in zip(kept, weights, strict=True)}
    if "own_misfit" in table:
        table["misfit"] = table.get("misfit", 0.0) + table["own_misfit"]
        mean[own] -= mean[given]
        kept = sorted({*kept, given})
    table = {names[i]: _short(table[names[i]]) for i in kept}
    return Fitted(_short(bias), table, {names[i]: _short(mean[i]) for i in kept})


def _solve(X: Array, y: Array) -> tuple[float, Array]:
    def loss(w: Array) -> tuple[float, Array]:
        odds = w[0] - X @ w[1:]
        off = 1 / (1 + np.exp(-odds)) - y
        value = float(np.mean(np.logaddexp(0, odds) - y * odds) + RIDGE * (w[1:] ** 2).sum() / 2)
        return value, np.concatenate([[off.mean()], RIDGE * w[1:] - X.T @ off / len(y)])

    bounds = [(None, None)] + [(0, None)] * X.shape[1]
    w = minimize(loss, np.zeros(X.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(w[0]), w[1:]


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def predict(fitted: Fitted, rows: Rows) -> Array:
    """(n,) probabilities."""
    odds = [
        fitted.bias - sum(w * row.get(name, fitted.typical[name]) for name, w in fitted.weights.items())
        for row in rows
    ]
    return 1 / (1 + np.exp(-np.array(odds)))


def judge(
    rows: Rows,
    right: NDArray[np.bool_] | Array,
    half: NDArray[np.integer],
    learn: NDArray[np.bool_] | None = None,
) -> Array:
    """(n,) probabilities of each half of the rows, 0 or 1 in `half` (n,), fitted on the other.

    Only what is true in `learn` (n,) is learnt from.
    """
    place, p = np.arange(len(rows)), np.zeros(len(rows))
    usable = np.ones(len(rows), bool) if learn is None else learn
    for part in (0, 1):
        asked, given = place[half == part], place[(half != part) & usable]
        p[asked] = predict(fit([rows[i] for i in given], right[given]), [rows[i] for i in asked])
    return p


def told(part: str, rows: Rows) -> Array:
    """(n,) probabilities by the shipped table."""
    return np.array([probability(part, row) for row in rows])


def draw(
    panels: Mapping[str, tuple[Array, Array]], groups: Mapping[str, tuple[Array, Array]], write: bool
) -> str:
    """Write the reliability plot of the panels, (probabilities, right), and say the numbers of the groups."""
    if write:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(3.4 * len(panels), 3.4), layout="constrained")
        for axes, (name, (p, right)) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
            bins = [row for row in _bins(p, right) if row[0] >= 10]
            axes.plot([0, 1], [0, 1], color="0.7")
            axes.plot([row[1] for row in bins], [row[2] for row in bins], "o-")
            for count, x, y in bins:
                axes.annotate(str(count), (x, y), (4, -10), textcoords="offset points", fontsize=7)
            axes.set(title=name, xlabel="probability", ylabel="share that is right", aspect="equal")
        with whole_file(PLOT) as temporary:
            figure.savefig(temporary, dpi=110, format="png")
    return "".join(_figures(name, *pair) for name, pair in groups.items())


def _bins(p: Array, right: Array, width: float = 0.1) -> list[tuple[int, float, float]]:
    """Count, mean probability and share that is right of each tenth."""
    number = np.minimum((p / width).astype(int), round(1 / width) - 1)
    groups = [number == k for k in range(round(1 / width))]
    return [(int(g.sum()), float(p[g].mean()), float(right[g].mean())) for g in groups if g.any()]


def _figures(name: str, p: Array, right: Array) -> str:
    right = right.astype(bool)
    off = sum(n * abs(x - y) for n, x, y in _bins(p, right)) / len(p)
    rank = p.argsort().argsort()
    pairs = right.sum() * (~right).sum()
    area = (rank[right].sum() - right.sum() * (right.sum() - 1) / 2) / max(pairs, 1)
    ok = p >= OK
    sure = f"{right[ok].mean():.2f}" if ok.any() else "-"
    return (
        f"{name}: {len(p)} frames, {right.mean():.2f} right, expected calibration error {off:.3f}, "
        f"area under ROC {area:.2f}\n"
        f"  OK at {OK}: {ok.sum()}, of those right {sure}; of the right OK "
        f"{ok[right].mean():.2f}; of the wrong not OK {(~ok)[~right].mean():.2f}\n"
        + "".join(f"  {x:.2f} told, {y:.2f} right, {n} frames\n" for n, x, y in _bins(p, right))
    )


HEAD = '''"""Weights of the probabilities in `trust`: log-odds without doubts, and what a unit of each costs.

Written by tools/calibrate_status.py, from {count} validation frames of the method `regress`.  TYPICAL is the
mean of a doubt there: it stands in where a method does not know it.
"""

'''


def write_table(parts: Mapping[str, Fitted], count: int) -> None:
    """Write the table as a Python module."""
    lines = ["BIAS: dict[str, float] = {", *(f'    "{name}": {f.bias},' for name, f in parts.items()), "}"]
    for title, of in (("WEIGHTS", "weights"), ("TYPICAL", "typical")):
        lines.append(f"{title}: dict[str, dict[str, float]] = {{")
        for name, fitted in parts.items():
            rows = (f'        "{key}": {value},' for key, value in getattr(fitted, of).items())
            lines += [f'    "{name}": {{', *rows, "    },"]
        lines.append("}")
    TABLE.write_text(HEAD.format(count=count) + "\n".join(lines) + "\n", encoding="utf-8")
