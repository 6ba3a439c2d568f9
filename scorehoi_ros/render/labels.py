"""Text on pictures."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

RGB = tuple[int, int, int]


@lru_cache(maxsize=16)
def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """The typeface that Pillow carries with it."""
    return ImageFont.load_default(size)


def caption(
    image: NDArray[np.uint8],
    text: str,
    *,
    dot: RGB | None = None,
    corner: str = "bottom",
    size: int | None = None,
) -> NDArray[np.uint8]:
    """The image (H, W, 3) with text on a dark strip in its lower or upper left corner; `dot` = coloured lamp.

    Text wider than the image is wrapped; the strip is at most as high as the image.
    """
    height, width = image.shape[:2]
    points = size or int(np.clip(min(width, height) / 36, 9, 36))
    pad = max(points // 2, 3)
    lamp = points if dot else 0
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture, "RGBA")
    lines = wrapped(text, max(width - 4 * pad - lamp, points), points)
    wide = max(int(font(points).getlength(line)) for line in lines) + 2 * pad + lamp
    tall = int(1.25 * points * len(lines)) + pad
    top = pad if corner == "top" else max(height - tall - pad, 0)
    pen.rounded_rectangle((pad, top, pad + wide, top + tall), radius=pad, fill=(20, 24, 32, 190))
    if dot:
        y = top + pad // 2 + points * 5 // 8
        pen.ellipse(
            (2 * pad - 1, y - points // 3, 2 * pad - 1 + 2 * (points // 3), y + points // 3), fill=dot
        )
    for k, line in enumerate(lines):
        place = (2 * pad + lamp, top + pad // 2 + int(1.25 * points * k))
        pen.text(place, line, font=font(points), fill=(245, 246, 248))
    return np.array(picture)


def wrapped(text: str, width: float, size: int) -> list[str]:
    """Words in as few lines as fit into `width` pixels; a word that is wider than that stays whole."""
    lines = [""]
    for word in text.split():
        candidate = f"{lines[-1]} {word}".strip()
        if lines[-1] and font(size).getlength(candidate) > width:
            lines.append(word)
        else:
            lines[-1] = candidate
    return lines
