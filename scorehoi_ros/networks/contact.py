"""Contact predictor: which body tokens and template points touch, and which points touch the floor.

After ContactFormer of CONTHO (Nam et al., CVPR 2024), as ScoreHOI uses it: two symmetric transformers of four
layers, in which each side looks at the other.
"""

import torch
from torch import nn

from scorehoi_ros.networks.blocks import CrossBlock
from scorehoi_ros.networks.pair import Contacts, Pair, PairTokens

WIDTH, HEADS, LAYERS = 64, 2, 4


class ContactPredictor(nn.Module):
    """Contacts of any state, between rounds of refinement too: it is trained on perturbed ones.

    The landmarks are keys of the object in every layer and of the human in the first: its 431 queries cost
    most.
    `features` is the width of F and of the landmark tokens, `geometry` that of the template's features.
    """

    def __init__(self, features: int, geometry: int, width: int = WIDTH, layers: int = LAYERS) -> None:
        super().__init__()
        self.tokens = PairTokens(features, geometry, width)
        self.human = nn.ModuleList(CrossBlock(width, HEADS) for _ in range(layers))
        self.thing = nn.ModuleList(CrossBlock(width, HEADS) for _ in range(layers))
        self.human_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 1))
        self.thing_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2))

    def forward(self, pair: Pair) -> Contacts:
        """Logits of the three masks; within 5 cm is contact."""
        human, thing, landmarks = self.tokens(pair)
        human_keys = torch.cat((thing, landmarks), dim=1)
        for of_human, of_thing in zip(self.human, self.thing, strict=True):
            human, thing = of_human(human, human_keys), of_thing(thing, torch.cat((human, landmarks), dim=1))
            human_keys = thing
        both = self.thing_head(thing)
        return Contacts(self.human_head(human)[..., 0], both[..., 0], both[..., 1])
