"""Weights of the regressor's prototype as a start for training: the same numbers under today's names.

python tools/import_prototype.py stage1_85k_views.safetensors --out full_start.safetensors

The prototype also looked at the picture; what it takes from colours is left out.  The numbers of the geometry
encoder, which it did not have, start at zero, the uncertainties at what is usual.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from scorehoi_ros.files import whole_file
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.networks.sizes import SHAPE_FEATURES, regressor_size

_MASKS = slice(3, 5)
"""Channels of the prototype's first convolution that see the masks."""
_NAMES = {
    "stem.": "image.stem.",
    "ipos": "image_place",
    "lm.": "landmark.",
    "lpos": "landmark_name",
    "pt.": "template.point.",
    "genc.": "template.layers.",
    "gtype": "template.kind",
    "cam.": "crop.",
    "q": "queries",
    "enc.": "layers.",
    "norm.": "norm.",
    "h_body.": "heads.body.",
    "h_hand.": "heads.hand.",
    "h_beta.": "heads.betas.",
    "h_cam.": "heads.camera.",
    "h_rot.": "heads.rotation.",
    "h_tr.": "heads.place.",
    "h_oc.": "heads.point_contact.",
    "h_hc.": "heads.human_contact.",
    "mean6": "mean_theta",
    "hyp0": "mean_rotations",
}
_PARTS = {
    ".n1.": ".attend_norm.", ".o.": ".out.", ".n2.": ".mlp_norm.", ".ff.": ".mlp.", ".c1.": ".conv1.",
    ".b1.": ".norm1.", ".c2.": ".conv2.", ".b2.": ".norm2.", ".sk.": ".shortcut.",
}  # fmt: skip


def renamed(old: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the prototype under today's names."""
    return {_name(name): value.clone() for name, value in old.items()}


def _name(old: str) -> str:
    start = max((n for n in _NAMES if old == n or (n[-1] == "." and old.startswith(n))), key=len)
    name = _NAMES[start] + old[len(start) :]
    for before, after in _PARTS.items():
        name = name.replace(before, after)
    return name


def start_from(old: dict[str, Tensor]) -> dict[str, Tensor]:
    """Everything that a regressor of size `full` holds, from the prototype where it has it."""
    weights = Regressor(regressor_size("full")).state_dict()
    found = renamed(old)
    found["image.stem.0.weight"] = found["image.stem.0.weight"][:, _MASKS]
    first = found["template.point.0.weight"]
    found["template.point.0.weight"] = torch.cat((first, first.new_zeros(len(first), SHAPE_FEATURES)), 1)
    return weights | {name: value.contiguous() for name, value in found.items()}


def main() -> None:
    """Read, rename, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("prototype", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    weights = start_from({name: value.float() for name, value in load_file(args.prototype).items()})
    with whole_file(args.out) as temporary:
        save_file(weights, temporary)


if __name__ == "__main__":
    main()
