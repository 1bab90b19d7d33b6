"""The whole network: exact evidence, the gate, what each strategy builds and runs, and where gradients go."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gainspect.config import ExperimentalConfig, ModelConfig
from gainspect.data.loading.dataset import Sample
from gainspect.models import losses
from gainspect.models.decoders import Pyramid, UNetDecoder
from gainspect.models.gain_mtl import NG, OK, GainMTL, LinearHead, Output, mask_at
from gainspect.strategies import STRATEGIES, LossName, strategy
from gainspect.training.objective import named_losses

Build = Callable[..., GainMTL]
BACKBONES = ("test_efficientnet", "test_resnet", "test_convnext")
HAS_MASK = torch.tensor([True, True, False, True])


def _margin(logits: Tensor) -> Tensor:
    return logits[:, NG] - logits[:, OK]


def _there(value: Tensor | None) -> Tensor:
    assert value is not None
    return value


# --- exact evidence ----------------------------------------------------------------------------------


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bf16"])
@pytest.mark.parametrize("output_stride", [16, 32])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_evidence_sums_to_the_margin(
    build: Build, images: Tensor, backbone: str, output_stride: int, autocast: bool
) -> None:
    model = build("S6", backbone=backbone, output_stride=output_stride)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        output = model(images)
    for head, evidence, logits in (
        (model.classification, output.cam, output.logits),
        (model.attended, _there(output.attended_evidence), _there(output.attended_logits)),
    ):
        summed = evidence.mean(dim=(1, 2, 3)) + head.bias_margin()
        torch.testing.assert_close(summed, _margin(logits), rtol=0, atol=1e-5)
        assert _margin(logits).std() > 1e-4  # images differ by more than the tolerance
        assert evidence.shape == (4, 1, 96 // output_stride, 96 // output_stride)


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bf16"])
@pytest.mark.parametrize("output_stride", [16, 32])
def test_the_verdict_of_s9_is_the_sum_of_its_evidence(
    build: Build, images: Tensor, output_stride: int, autocast: bool
) -> None:
    model = build("S9", output_stride=output_stride)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        output = model(images)
    contributions = _there(output.contributions)
    assert contributions.shape == (4, 1, 48, 48)
    assert (contributions >= 0).all()
    summed = contributions.sum(dim=(1, 2, 3)) + model.verdict.bias
    torch.testing.assert_close(summed, model.margin(output), rtol=0, atol=1e-5)
    # What is summed is what is shown: a monotone function of the evidence map.
    shown = model.evidence(output)
    for image in range(4):
        order = shown[image].flatten().argsort()
        assert (contributions[image].flatten()[order].diff() >= 0).all()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_grad_cam_of_the_margin_is_the_cam_by_the_number_of_cells(
    build: Build, images: Tensor, backbone: str
) -> None:
    """Grad-CAM (Selvaraju et al., 2017) by autograd: the features weighted by their mean gradient."""
    model = build("S1", backbone=backbone)
    deep = model.backbone(images).deep.detach().requires_grad_()
    logits, cam = model.classification(deep)
    (gradient,) = torch.autograd.grad(_margin(logits).sum(), deep)
    grad_cam = (gradient.mean(dim=(2, 3), keepdim=True) * deep).sum(dim=1, keepdim=True)
    torch.testing.assert_close(grad_cam * deep.shape[2] * deep.shape[3], cam)


def test_cam_is_the_class_weights_times_the_features(build: Build, images: Tensor) -> None:
    model = build("S1")
    deep = model.backbone(images).deep.detach().double().numpy()
    weight = model.classification.linear.weight.detach().double().numpy()
    expected = np.einsum("bchw,kc->kbhw", deep, weight)
    cam = model(images).cam.detach().numpy()
    np.testing.assert_allclose(cam[:, 0], expected[1] - expected[0], rtol=1e-4, atol=1e-5)


def test_logits_are_the_linear_layer_on_the_mean_features(build: Build, images: Tensor) -> None:
    model = build("S1")
    pooled = model.backbone(images).deep.detach().double().numpy().mean(axis=(2, 3))
    weight = model.classification.linear.weight.detach().double().numpy()
    bias = model.classification.linear.bias.detach().double().numpy()
    expected = pooled @ weight.T + bias
    np.testing.assert_allclose(model(images).logits.detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_head_stays_in_float32_when_its_features_are_not() -> None:
    torch.manual_seed(0)
    head, features = LinearHead(32), torch.randn(3, 32, 5, 4).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, evidence = head(features)
    assert logits.dtype == evidence.dtype == torch.float32
    expected = F.linear(features.float().mean(dim=(2, 3)), head.linear.weight, head.linear.bias)
    torch.testing.assert_close(logits, expected)


def test_the_attended_path_is_features_times_gate_through_the_adapter(build: Build, images: Tensor) -> None:
    model = build("S3")
    output = model(images)
    gated = model.backbone(images).deep * _there(output.gate)
    convolution, norm = model.adapter[0], model.adapter[1]
    assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None and norm.running_var is not None
    mixed = torch.einsum("bchw,oc->bhwo", gated, convolution.weight[:, :, 0, 0])
    normed = (mixed - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias
    adapted = normed.relu().mean(dim=(1, 2))
    expected = adapted @ model.attended.linear.weight.T + model.attended.linear.bias
    torch.testing.assert_close(_there(output.attended_logits), expected, rtol=1e-4, atol=1e-5)


# --- what a strategy builds and runs -----------------------------------------------------------------

CLASSIFIER = {"backbone", "classification"}
ATTENTION = CLASSIFIER | {"attention", "adapter", "attended"}
LOCALIZATION = {"pyramid", "localization"}
MODULES = {
    "S1": CLASSIFIER,
    "S2": CLASSIFIER,
    "S3": ATTENTION,
    "S4": ATTENTION | LOCALIZATION,
    "S5": ATTENTION | LOCALIZATION | {"suppression"},
    "S6": ATTENTION | LOCALIZATION | {"suppression"},
    "S7": ATTENTION | {"suppression"},
    "S8": ATTENTION | {"suppression"},
    "S9": CLASSIFIER | LOCALIZATION | {"attention", "verdict"},
}


@pytest.mark.parametrize("name", MODULES)
def test_only_what_the_strategy_trains_is_built_and_only_what_a_verdict_needs_is_run(
    build: Build, images: Tensor, masks: Tensor, name: str
) -> None:
    model = build(name)
    assert {child for child, _ in model.named_children()} == MODULES[name]
    run: set[str] = set()
    for child, module in model.named_children():
        module.register_forward_hook(lambda *_, child=child: run.add(child))
    output = model(images)
    assert run == MODULES[name] - {"suppression"}
    assert output.counterfactual_logits is None
    assert (output.attention_logits is not None) == ("attention" in MODULES[name])
    assert (output.localization_logits is not None) == ("localization" in MODULES[name])
    model(images, masks, HAS_MASK)
    assert run == MODULES[name]


def _of_stages() -> list[tuple[str, tuple[LossName, ...]]]:
    """Each strategy with the losses that it trains from each of its stages on."""
    starts = {(name, stage.start) for name, row in STRATEGIES.items() for stage in row.stages}
    return sorted({(name, tuple(STRATEGIES[name].weights_at(start))) for name, start in starts})


@pytest.mark.parametrize(("name", "trained"), _of_stages())
def test_what_a_stage_does_not_train_is_not_run_and_its_losses_are_those_of_the_whole_model(
    build: Build, images: Tensor, masks: Tensor, name: str, trained: tuple[LossName, ...]
) -> None:
    model = build(name).train()
    none = torch.zeros_like(HAS_MASK)
    nowhere = torch.full(none.shape, torch.nan)
    batch = Sample(images, masks, HAS_MASK, HAS_MASK, torch.zeros_like(masks), none, nowhere)

    def losses_and_gradients(
        only: tuple[LossName, ...] | None,
    ) -> tuple[dict[LossName, Tensor], dict[str, Tensor]]:
        torch.manual_seed(0)  # stochastic depth
        model.zero_grad()
        output = model(images, masks, HAS_MASK, 0.25, losses=only)
        named = named_losses(output, batch, trained, alpha=0.5, gamma=2.0)
        torch.stack([*named.values()]).sum().backward()
        return named, {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}

    whole, expected = losses_and_gradients(None)
    run: set[str] = set()
    for child, module in model.named_children():
        module.register_forward_hook(lambda *_, child=child: run.add(child))
    named, gradients = losses_and_gradients(trained)
    assert set(named) == set(trained)
    torch.testing.assert_close(named, whole, rtol=0, atol=0)
    torch.testing.assert_close(gradients, expected, rtol=0, atol=0)
    # All that was run is learning, or is what the gate of the fused evidence needs.
    learning = {key.partition(".")[0] for key in gradients}
    gate = LOCALIZATION if STRATEGIES[name].evidence == "fused" and "mining" in trained else set()
    assert run - gate == learning - gate
    assert gate <= run


@pytest.mark.parametrize(("stride", "level"), [(4, 0), (8, 1), (16, 2), (32, 3)])
@pytest.mark.parametrize("finest", [2, 4])
@pytest.mark.parametrize("pyramid", ["fpn", "unet"])
def test_s9_attends_to_a_level_of_the_pyramid(
    images: Tensor, stride: int, level: int, finest: int, pyramid: str
) -> None:
    torch.manual_seed(0)
    config = ModelConfig.model_validate(
        {
            "backbone": "test_efficientnet",
            "weights": "none",
            "fpn_channels": 8,
            "pyramid": pyramid,
            "finest_stride": finest,
        }
    )
    experimental = ExperimentalConfig.model_validate({"attention_stride": stride})
    model = GainMTL(config, strategy("S9"), experimental).eval()
    found = _there(model(images).attention_logits)
    assert found.shape == (4, 1, 96 // stride, 96 // stride)
    features = model.backbone(images)
    first = [_there(features.finest)] if finest == 2 else []
    levels = model.pyramid([*first, *features.pyramid])
    torch.testing.assert_close(found, model.attention(levels[len(first) + level]))
    fused = levels if pyramid == "fpn" else levels[:1]
    located = _there(model(images).localization_logits)
    assert located.shape == (4, 1, 96 // finest, 96 // finest)
    torch.testing.assert_close(located, model.localization(fused))


def test_what_a_backbone_does_not_have_at_stride_2_is_read_at_stride_4(build: Build, images: Tensor) -> None:
    """The stem of ConvNeXt reduces by 4."""
    model = build("S9", backbone="convnext_atto")
    output = model(images)
    assert model.backbone.finest_channels is None
    assert _there(output.localization_logits).shape == (4, 1, 24, 24)
    summed = _there(output.contributions).sum(dim=(1, 2, 3)) + model.verdict.bias
    torch.testing.assert_close(summed, model.margin(output), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", [name for name, modules in MODULES.items() if "pyramid" in modules])
@pytest.mark.parametrize("asked", [None, "fpn", "unet"])
def test_the_strides_are_joined_as_asked_or_as_the_strategy_says(name: str, asked: str | None) -> None:
    config = ModelConfig.model_validate(
        {"backbone": "test_efficientnet", "weights": "none", "pyramid": asked}
    )
    published = name != "S9" if asked is None else asked == "fpn"
    assert type(GainMTL(config, strategy(name)).pyramid) is (Pyramid if published else UNetDecoder)


@pytest.mark.parametrize("name", ["S5", "S6", "S7", "S8"])
def test_the_counterfactual_is_judged_by_the_classification_head(
    build: Build, images: Tensor, masks: Tensor, name: str
) -> None:
    model = build(name)
    output = model(images, masks, HAS_MASK)
    deep = model.backbone(images).deep
    small = torch.zeros(4, 1, 3, 3)
    small[0, 0, 0:2, 1:3] = 1  # rows 8…39 and columns 40…69 of 96 touch these cells of 32 px
    small[1, 0, 2, 0] = 1
    small[3, 0, 1, :] = 1
    expected, _ = model.classification(model.suppression(deep, small))
    torch.testing.assert_close(_there(output.counterfactual_logits), expected)
    assert torch.equal(_there(output.counterfactual_logits)[2], output.logits[2])  # no defect, no change


def _output() -> Output:
    generator = torch.Generator().manual_seed(3)
    return Output(
        logits=torch.tensor([[0.5, 2.0], [1.0, -1.0]]),
        cam=torch.randn(2, 1, 3, 3, generator=generator),
        attention_logits=torch.randn(2, 1, 3, 3, generator=generator),
        attended_logits=torch.tensor([[0.0, -3.0], [-2.0, 2.0]]),
        localization_logits=torch.randn(2, 1, 24, 24, generator=generator),
        evidence_margin=torch.tensor([0.25, -6.0]),
    )


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_strategy_decides_by_its_head(build: Build, name: str) -> None:
    expected = {"S1": [1.5, -2.0], "S2": [1.5, -2.0], "S9": [0.25, -6.0]}.get(name, [-3.0, 4.0])
    assert build(name).margin(_output()).tolist() == expected


@pytest.mark.parametrize("name", ["S1", "S2"])
def test_evidence_of_a_classifier_is_the_positive_cam(build: Build, name: str) -> None:
    cam = _output().cam.numpy()
    np.testing.assert_array_equal(build(name).evidence(_output()).numpy(), np.maximum(cam, 0))


@pytest.mark.parametrize("name", ["S3", "S4", "S5", "S7", "S8"])
def test_evidence_of_a_guided_strategy_is_its_attention(build: Build, name: str) -> None:
    logits = _there(_output().attention_logits).double().numpy()
    evidence = build(name).evidence(_output()).numpy()
    np.testing.assert_allclose(evidence, 1 / (1 + np.exp(-logits)), rtol=1e-5)


@pytest.mark.parametrize("name", ["S6", "S9"])
def test_fused_evidence_is_localization_times_attention(build: Build, name: str) -> None:
    output = _output()
    attention, fine = _there(output.attention_logits).sigmoid(), _there(output.localization_logits).sigmoid()
    centers = ((torch.arange(24) + 0.5) * 3 / 24 - 0.5).clamp(0, 2)
    tents = (1 - (centers[:, None] - torch.arange(3)).abs()).clamp_min(0)  # linear interpolation, 3 → 24
    expected = torch.einsum("ih,bchw,jw->bcij", tents, attention, tents) * fine
    torch.testing.assert_close(build(name).evidence(output), expected, rtol=1e-4, atol=1e-6)


def test_fused_evidence_of_nothing_stays_nothing(build: Build) -> None:
    output = _output()
    output.localization_logits = torch.full((2, 1, 24, 24), -7.0)  # 0.0009 everywhere: an OK part
    assert build("S6").evidence(output).max() < 0.001


# --- the gate ----------------------------------------------------------------------------------------


def _s6_gate(output: Output) -> Tensor:
    """Attention × localization (maximum of each cell's block), over its maximum or the floor."""
    attention = _there(output.attention_logits).sigmoid()
    fine = _there(output.localization_logits).sigmoid()
    side = fine.shape[-1] // attention.shape[-1]
    found = fine.unfold(2, side, side).unfold(3, side, side).amax(dim=(4, 5))
    product = (attention * found).detach()
    return torch.stack([image / max(float(image.max()), 0.1) for image in product])


def _internal(output: Output) -> Tensor:
    return _there(output.attention_logits).sigmoid()


@pytest.mark.parametrize("alpha", [0.5, 0.2, 0.0])
@pytest.mark.parametrize(("name", "internal"), [("S6", _s6_gate), ("S8", _internal)])
def test_the_curriculum_draws_the_gate_to_the_mask_where_there_is_one(
    build: Build,
    images: Tensor,
    masks: Tensor,
    name: str,
    internal: Callable[[Output], Tensor],
    alpha: float,
) -> None:
    model = build(name).train()
    has_mask = torch.tensor([True, False, False, True])  # the second has one that must not be seen
    output = model(images, masks, has_mask, alpha)
    small = torch.zeros(4, 1, 3, 3)
    small[0, 0, 0:2, 1:3] = 1
    small[3, 0, 1, :] = 1
    inside = (small * _internal(output)).detach()
    for i in (0, 3):
        normalized = inside[i] / max(float(inside[i].max()), 0.1)
        drawn = alpha * small[i] + (1 - alpha) * normalized
        torch.testing.assert_close(_there(output.gate)[i], drawn)
    for i in (1, 2):
        torch.testing.assert_close(_there(output.gate)[i], internal(output)[i])


@pytest.mark.parametrize("name", ["S3", "S4", "S5", "S7"])
def test_without_a_curriculum_no_mask_enters_the_gate(
    build: Build, images: Tensor, masks: Tensor, name: str
) -> None:
    output = build(name)(images, masks, HAS_MASK, 0.5)
    torch.testing.assert_close(_there(output.gate), _internal(output))


@pytest.mark.parametrize(("name", "internal"), [("S6", _s6_gate), ("S8", _internal)])
def test_at_inference_the_gate_is_the_models_own(
    build: Build, images: Tensor, name: str, internal: Callable[[Output], Tensor]
) -> None:
    output = build(name)(images)
    torch.testing.assert_close(_there(output.gate), internal(output))


def test_the_gate_does_not_teach_localization(build: Build, images: Tensor) -> None:
    model = build("S6").train()
    _margin(_there(model(images).attended_logits)).sum().backward()
    for head in (model.localization, model.pyramid):
        assert all(parameter.grad is None for parameter in head.parameters())
    assert any(parameter.grad is not None for parameter in model.attention.parameters())


def test_a_single_pixel_of_mask_reaches_every_map(masks: Tensor) -> None:
    for side in (24, 6, 3):
        small = mask_at(masks, (side, side))
        assert small.shape == (4, 1, side, side)
        assert small[1].nonzero().tolist() == [[0, side - 1, 0]]
        assert small[2].sum() == 0


# --- gradients ---------------------------------------------------------------------------------------


def _cam_loss(output: Output, masks: Tensor) -> Tensor:
    return losses.cam_guidance(output.cam, mask_at(masks, output.cam.shape[-2:])).sum()


def _attention_loss(output: Output, masks: Tensor) -> Tensor:
    logits = _there(output.attention_logits)
    return losses.attention_guidance(logits, mask_at(masks, logits.shape[-2:])).sum()


def _localization_loss(output: Output, masks: Tensor) -> Tensor:
    logits = _there(output.localization_logits)
    return losses.localization(logits, mask_at(masks, logits.shape[-2:])).sum()


def _mining_loss(output: Output, masks: Tensor) -> Tensor:
    del masks
    return losses.focal(_there(output.attended_logits), HAS_MASK, 0.5, 2.0)


def _counterfactual_loss(output: Output, masks: Tensor) -> Tensor:
    del masks
    return losses.counterfactual(_there(output.counterfactual_logits)).sum()


def _evidence_loss(output: Output, masks: Tensor) -> Tensor:
    del masks
    return losses.focal_margin(_there(output.evidence_margin), HAS_MASK, 0.5, 2.0)


REACHED = {
    _cam_loss: {"classification"},
    _attention_loss: {"attention"},
    _localization_loss: LOCALIZATION,
    _mining_loss: {"attention", "adapter", "attended"},
    _counterfactual_loss: {"suppression", "classification"},
    _evidence_loss: LOCALIZATION | {"attention", "verdict"},
}


@pytest.mark.parametrize("loss", REACHED)
@pytest.mark.parametrize("frozen", [0, 1])
def test_each_loss_alone_reaches_the_first_convolution_and_its_own_heads(
    build: Build, images: Tensor, masks: Tensor, loss: Callable[[Output, Tensor], Tensor], frozen: int
) -> None:
    model = build("S9" if loss is _evidence_loss else "S6").train()
    model.backbone.freeze(frozen)
    loss(model(images, masks, HAS_MASK, 0.25), masks).backward()
    stem, later = (
        model.backbone.get_parameter(f"net.{name}.weight") for name in ("conv_stem", "blocks.1.0.conv_exp")
    )
    assert later.grad is not None and later.grad.abs().max() > 0
    assert (stem.grad is None) == bool(frozen)
    if stem.grad is not None:
        assert stem.grad.abs().max() > 0
    reached = {
        name
        for name, module in model.named_children()
        if any(p.grad is not None and p.grad.abs().max() > 0 for p in module.parameters())
    }
    assert reached - {"backbone"} == REACHED[loss]


def test_tensors_saved_under_older_names_are_read(build: Build) -> None:
    """At a491b67 it was `counterfactual`, and its masks `counterfactual.suppression`; it had more."""
    model, other = build("S6"), build("S6")
    older = {
        name.replace("suppression.strength.", "counterfactual.suppression."): value
        for name, value in model.state_dict().items()
    }
    older |= {f"counterfactual.{name}.0.0.weight": torch.zeros(3) for name in ("replace", "refine")}
    assert len({name for name in older if name.startswith("counterfactual.suppression.")}) == 8
    for value in other.state_dict().values():
        value.zero_()
    other.load_state_dict(older)
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name
