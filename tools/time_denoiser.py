"""CPU time of one evaluation of the shipped denoisers in ONNX Runtime, one thread.

    python tools/time_denoiser.py

Prints the median of 20 runs of 50 evaluations, for one and for four hypotheses.
"""

import argparse
import statistics
import sys
import time
import timeit

import torch

from scorehoi_ros.diffusion.unknowns import NUM_X, Gaussian
from scorehoi_ros.networks.denoiser import Conditions, Denoiser
from scorehoi_ros.runtime.denoiser import load_prior
from scorehoi_ros.runtime.layouts import load_network
from scorehoi_ros.types import NUM_OBJECT_POINTS

RUNS, EVALUATIONS = 20, 50
LEVEL = 50


def main() -> None:
    """Read the command line; print a line for each size and number of hypotheses."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    torch.set_num_threads(1)
    for size in ("live", "full"):
        net, _ = load_network(f"{size}-denoiser", Denoiser)
        image = torch.randn(1, len(net.image_names), net.image.in_features)
        conditions = Conditions(image, torch.randn(1, NUM_OBJECT_POINTS, net.geometry.in_features))
        for count in (1, 4):
            told = Gaussian(torch.zeros(count, NUM_X), torch.full((count, NUM_X), 0.1))
            x = 0.1 * torch.randn(count, NUM_X).double().numpy()
            denoise = load_prior(size)(conditions, told, torch.ones(1, 2, dtype=torch.bool))
            denoise(x, LEVEL)
            known = {"denoise": denoise, "x": x, "LEVEL": LEVEL}
            timer = timeit.Timer("denoise(x, LEVEL)", timer=time.process_time, globals=known)
            ms = 1e3 * statistics.median(timer.repeat(RUNS, EVALUATIONS)) / EVALUATIONS
            sys.stdout.write(f"{size}: {ms:.2f} ms for {count} hypotheses\n")


if __name__ == "__main__":
    main()
