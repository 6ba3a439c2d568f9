"""Fit the probabilities of `frame/trust.py` on validation scenes with simulated faults of perception.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/calibrate_status.py VAL

Runs the pipeline (method regress) on one view of each scene, drawn anew with a picture where the product has to
segment it, with the faults of `status_faults.py`, compares with the truth, and fits logistic regressions whose
weights may not be negative.  Each half of the frames is judged by weights fitted on the other; what is written is
fitted on all.  Writes `scorehoi_ros/frame/trust_weights.py` and `docs/images/status_reliability.png`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from status_faults import dice, scaled_spec, with_faults
from tqdm import tqdm

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import stature_of
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.datasets.synhoi import Picture, sample_of
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate import metrics
from scorehoi_ros.evaluate.methods import GivenLandmarks
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.picture.posed import pose_scene
from scorehoi_ros.synth.scene.kinds import template_of
from scorehoi_ros.synth.sensor.observe import observe_posed, whole_view
from scorehoi_ros.synth.storage import read_shard, shard_paths
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import HumanObservation, Reconstruction

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "scorehoi_ros" / "frame" / "trust_weights.py"
PLOT = ROOT / "docs" / "images" / "status_reliability.png"
