#!/usr/bin/env python3
"""Compare the frozen geometry encoder with one that is trained with the rest of the network.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out DATA/val
    scorehoi synth --split train --count 20480 --views 3 --size 128 --no-pictures --out DATA/train
    python tools/measure_geometry.py DATA --encoder frozen --minutes 25 --out OUT/frozen
    python tools/measure_geometry.py DATA --encoder trained --minutes 25 --out OUT/trained

Trains a regressor from the shipped one, which has not learned to look at the encoder, on the same batches,
and prints what it then is on validation views, and what its encoder is on held-out instances of the kinds.
`frozen`: the encoder that was trained on shape classes stays as it is; `trained`: it begins from nothing
and learns with the rest.
"""

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.networks.pointnext import PointNeXt
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.runtime.layouts import GEOMETRY, load_network
from scorehoi_ros.synth.storage import finished_shards
from scorehoi_ros.train.augment import FaultRates
from scorehoi_ros.train.geometry import retrieval
from scorehoi_ros.train.guesses import limited
from scorehoi_ros.train.loop import Schedule, train_net
from scorehoi_ros.train.regressor import Material, faulty, guess_of, measure
from scorehoi_ros.train.regressor_loss import losses
from scorehoi_ros.train.shapes import family_shapes
from scorehoi_ros.train.stage1 import material_of
from scorehoi_ros.train.views import load_views

FROZEN, TRAINED = "frozen", "trained"


def main() -> int:
    """Train and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of the shards, train/ and val/")
    parser.add_argument("--encoder", choices=(FROZEN, TRAINED), required=True)
    parser.add_argument("--size", default="live", help="of the regressor (default live)")
    parser.add_argument("--minutes", type=float, default=25.0, help="of training (default 25)")
    parser.add_argument("--batch", type=int, default=32, help="views (default 32)")
    parser.add_argument("--lr", type=float, default=2e-4, help="largest learning rate (default 2e-4)")
    parser.add_argument("--validate", type=int, default=512, help="validation views (default 512)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and curve")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    net, _ = load_network(args.size, Regressor)
    encoder, _ = load_network(GEOMETRY, PointNeXt)
    if args.encoder == TRAINED:
        encoder = PointNeXt()
    training, validation = (
        material_of(load_views(finished_shards(args.data / split)), encoder) for split in ("train", "val")
    )
    seconds = 60 * args.minutes
    schedule = Schedule(seconds, args.batch, args.lr, warmup=50, measure_every=seconds / 4, seed=args.seed)
    both = Both(net, encoder, args.encoder == TRAINED)
    figures = both.train_on(training, limited(validation, args.validate), schedule, args.out)
    found = retrieval(encoder.eval(), family_shapes("train", range(40)))
    lines = [f"{name} {value:.3f}" for name, value in (figures | found).items()]
    sys.stdout.write("\n".join([args.encoder, *lines]) + "\n")
    return 0


class Both(nn.Module):
    """A regressor, and an encoder that is trained with it or not."""

    def __init__(self, net: Regressor, encoder: PointNeXt, learns: bool) -> None:
        super().__init__()
        self.net = net.requires_grad_(True)
        self.encoder = encoder.requires_grad_(learns)
        self.learns, self.posed = learns, PosedBody(free_body())

    def train_on(
        self, training: Material, validation: Material, schedule: Schedule, folder: Path
    ) -> dict[str, float]:
        """Train in place; returns the figures on validation data."""

        def terms(rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
            views, masks = faulty(training.data.views.rows(rows), self.posed, FaultRates(), generator)
            self.encoder.train(self.learns)
            guess = guess_of(self.net, self.encoded(training, views.template.unique()), views, masks)
            return losses(guess, views, training.data.table, self.posed)

        def figures() -> dict[str, float]:
            self.encoder.eval()
            with torch.no_grad():
                seen = self.encoded(validation, validation.data.views.template.unique())
            return measure(self.net, seen, self.posed)

        return train_net(self, terms, len(training), figures, schedule, folder)

    def encoded(self, material: Material, rows: Tensor) -> Material:
        """The same with what the encoder now says of some templates."""
        shapes = torch.zeros_like(material.shapes)
        return replace(
            material, shapes=shapes.index_put((rows,), self.encoder(material.data.table.points[rows])[0])
        )


if __name__ == "__main__":
    sys.exit(main())
