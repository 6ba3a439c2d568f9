"""Image nets: a square crop to an 8x8 (or 4x4) map of features F.

`LiteImage` looks at the two masks alone: on synthetic pictures the colours gave 0.2 cm of object Chamfer
distance and nothing on the person, and masks look the same rendered and real.  `PaperImage` is ResNet-50 on
picture and masks, as published.
"""

import torch
from torch import Tensor, nn

from scorehoi_ros.networks.blocks import Bottleneck, ResidualBlock
from scorehoi_ros.networks.sizes import RegressorSize

_RESNET50 = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Middle width, blocks, stride of each stage."""


class LiteImage(nn.Module):
    """Masks (B, 2, S, S) of human and object, 0..1, to features (B, width, S / 16, S / 16)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(2, 64, 7, 2, 3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            ResidualBlock(64, 64, 2),
            ResidualBlock(64, 64, 1),
            ResidualBlock(64, 128, 2),
            ResidualBlock(128, 128, 1),
            ResidualBlock(128, width, 2),
            ResidualBlock(width, width, 1),
        )

    def forward(self, masks: Tensor, picture: Tensor | None = None) -> Tensor:
        """Features F; the picture is not looked at."""
        features: Tensor = self.stem(masks)
        return features


class PaperImage(nn.Module):
    """ResNet-50 on picture (B, 3, S, S) 0..1 and masks (B, 2, S, S), to (B, width, S / 32, S / 32)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(5, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        stages, inputs = [], 64
        for middle, blocks, stride in _RESNET50:
            for block in range(blocks):
                stages.append(Bottleneck(inputs, middle, stride if block == 0 else 1))
                inputs = Bottleneck.EXPANSION * middle
        self.stages = nn.Sequential(*stages)
        self.reduce = nn.Conv2d(inputs, width, 1)

    def forward(self, masks: Tensor, picture: Tensor | None = None) -> Tensor:
        """Features F; no picture counts as grey."""
        if picture is None:
            picture = masks.new_full((len(masks), 3, *masks.shape[2:]), 0.5)
        features: Tensor = self.reduce(self.stages(self.stem(torch.cat((picture - 0.5, masks), 1))))
        return features


IMAGE_NETS = {"lite": (LiteImage, 16), "paper": (PaperImage, 32)}
"""Name -> module and pixels for each cell of F."""


def cells_a_side(size: RegressorSize) -> int:
    """How many cells F has along each side."""
    return size.pixels // IMAGE_NETS[size.image][1]
