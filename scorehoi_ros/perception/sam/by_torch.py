"""SAM from its original checkpoint, with the package segment-anything (extra [sam])."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError, MissingExtraError
from scorehoi_ros.perception.sam.segmenter import LastImage, SamPrompt, log_weights
from scorehoi_ros.types import Floats

WIDTHS = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}
"""Model names by the width of the image encoder."""
PACKAGE_HELP = (
    "SAM needs the packages segment-anything and a torchvision that fits the installed torch. "
    "Install the extra: pip install '.[sam]', or use an exported pair with --sam-encoder and "
    "--sam-decoder"
)


class TorchSamEngine:
    """The network of segment-anything; its vit_b, vit_l or vit_h is told from the checkpoint.

    Raises MissingExtraError without the packages, InputError for a file that is not such a checkpoint.
    """

    def __init__(self, checkpoint: Path) -> None:
        import torch

        try:
            from segment_anything import sam_model_registry
        except (ImportError, RuntimeError) as error:  # an unfitting torchvision fails with RuntimeError
            raise MissingExtraError(f"{PACKAGE_HELP}. Got: {error}.") from error
        weights = read_checkpoint(checkpoint)
        name = WIDTHS.get(int(weights["image_encoder.pos_embed"].shape[-1]), "")
        if name not in sam_model_registry:
            raise InputError(
                f"{checkpoint} is none of SAM's models vit_b, vit_l and vit_h: the width of its encoder is "
                f"{weights['image_encoder.pos_embed'].shape[-1]}, expected one of {sorted(WIDTHS)}."
            )
        # Built without its own loader, which would unpickle the file unchecked.
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model: Any = sam_model_registry[name](checkpoint=None)
        try:
            self._model.load_state_dict(weights)
        except RuntimeError as error:
            raise InputError(
                f"{checkpoint} does not fit SAM's {name}: {error}. Download it again."
            ) from error
        self._model.to(self._device).eval()
        self.size = int(self._model.image_encoder.img_size)
        self._embeddings = LastImage(self._embed)

    def masks(
        self, rgb: NDArray[np.uint8], prompt: SamPrompt, height: int, width: int
    ) -> tuple[Floats, Floats]:
        """See `SamEngine.masks`; three candidates."""
        import torch

        with torch.inference_mode():
            embeddings = self._embeddings(rgb)
            sparse, dense = self._embed_prompt(prompt)
            logits, ious = self._model.mask_decoder(
                image_embeddings=embeddings,
                image_pe=self._model.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=True,
            )
        return logits[0].float().cpu().numpy(), ious[0].float().cpu().numpy()

    def _embed(self, rgb: NDArray[np.uint8]) -> Any:
        import torch

        image = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float()
        return self._model.image_encoder(self._model.preprocess(image.to(self._device)))

    def _embed_prompt(self, prompt: SamPrompt) -> Any:
        import torch

        def tensor(values: Floats) -> Any:
            return torch.as_tensor(np.asarray(values, np.float32), device=self._device)[None]

        points = None
        if len(prompt.points):
            points = (tensor(prompt.points), tensor(prompt.labels))
        return self._model.prompt_encoder(
            points=points,
            boxes=None if prompt.box is None else tensor(prompt.box),
            masks=None if prompt.mask_logits is None else tensor(prompt.mask_logits[None]),
        )


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The tensors of a checkpoint; nothing in the file is executed."""
    import torch

    log_weights(path)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle, zip, runtime and OS errors for damaged files
        raise InputError(f"{path} cannot be read as a SAM checkpoint: {error}. Download it again.") from error
    if not isinstance(weights, dict) or "image_encoder.pos_embed" not in weights:
        raise InputError(
            f"{path} is not a SAM checkpoint: the tensor image_encoder.pos_embed is missing. Use one of the "
            "model checkpoints of Meta's segment-anything repository."
        )
    return weights
