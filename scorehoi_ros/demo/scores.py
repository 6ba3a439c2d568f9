"""What the recorded results score, by the ruler of `scorehoi eval`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.datasets.dataset import Dataset, Item, Sample
from scorehoi_ros.demo.results import Result
from scorehoi_ros.evaluate.methods import answer_from, blind_human
from scorehoi_ros.evaluate.run import evaluate
from scorehoi_ros.evaluate.scores import Answer

NAME = "node"


class Recorded:
    """A method of the evaluation that answers with what the node published."""

    def __init__(self, results: Mapping[int, Result], body: BodyModel) -> None:
        """`results` by the stamps of their images."""
        self._results, self._faces = results, body.faces

    def answer(self, sample: Sample, state: Any) -> tuple[Answer, Any]:
        """The result for the sample's stamp; its time is that of all stages of the node's pipeline."""
        r = self._results[sample.frame.stamp_ns].reconstruction
        return answer_from(r, self._faces, sum(r.stage_ms.values())), None

    def close(self) -> None:
        """Nothing to free."""


def score_results(samples: Sequence[Sample], results: Sequence[Result], body: BodyModel) -> dict[str, Any]:
    """One row as `scorehoi eval --json` writes it, over the frames that the node answered.

    Frames that were dropped while the node was busy count for nothing; those for which it found no person or
    no object are failures like in the evaluation.  Raises InputError when no result belongs to a sample.
    """
    by_stamp = {result.reconstruction.stamp_ns: result for result in results}
    dataset = Dataset("demo", "", [], list(stretches(samples, by_stamp.keys())))
    return evaluate(dataset, {NAME: Recorded(by_stamp, body)}, blind_human(body)).rows[0]


def stretches(samples: Sequence[Sample], answered: Collection[int]) -> Iterator[list[Item]]:
    """Runs of neighbouring frames that were all answered: accelerations are not taken across a gap."""
    for there, run in groupby(samples, key=lambda sample: sample.frame.stamp_ns in answered):
        if there:
            yield [_ready(sample) for sample in run]


def _ready(sample: Sample) -> Item:
    return Item(sample.key, lambda: sample)
