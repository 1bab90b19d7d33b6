"""The backbone against timm's own feature extractor; freezing; names that do not work."""

from collections.abc import Callable

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

from gainspect.errors import GainspectError
from gainspect.models.backbone import Backbone

FAMILIES = {
    "test_efficientnet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "conv_stem"),
    "test_resnet": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "conv1.0"),
    "test_convnext": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "stem.0"),
}


def _backbone(name: str, output_stride: int = 32) -> Backbone:
    torch.manual_seed(0)
    return Backbone(name, output_stride).eval()


def _by_hand(images: Tensor, name: str) -> Tensor:
    mean, std, _ = FAMILIES[name]
    pixels = (images.double().numpy() / 255 - np.array(mean)) / np.array(std)
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()).float()


def _pixels(backbone: Backbone, images: Tensor, first: str) -> Tensor:
    """What the first convolution is given."""
    seen: list[Tensor] = []
    hook = backbone.net.get_submodule(first).register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    backbone(images)
    hook.remove()
    return seen[0]


# --- features ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "output_stride"),
    [*((name, stride) for name in FAMILIES for stride in (16, 32)), ("mobilenetv3_small_050", 32)],
)
def test_features_have_the_strides_and_channels_that_were_promised(
    images: Tensor, name: str, output_stride: int
) -> None:
    backbone = _backbone(name, output_stride)
    features = backbone(images)
    strides = [4, 8, 16, output_stride]
    assert [level.shape[-1] for level in features.pyramid] == [96 // s for s in strides]
    assert [level.shape[1] for level in features.pyramid] == backbone.pyramid_channels
    assert features.deep.shape == (4, backbone.out_channels, 96 // output_stride, 96 // output_stride)
    assert len({id(level) for level in features.pyramid}) == 4


@pytest.mark.parametrize("name", FAMILIES)
def test_the_pyramid_is_what_timms_feature_extractor_gives(images: Tensor, name: str) -> None:
    backbone = _backbone(name)
    levels = 4 if name == "test_convnext" else 5
    reference = timm.create_model(name, features_only=True, out_indices=tuple(range(levels)))
    wanted = reference.state_dict()
    # timm's list of features writes stages.0 as stages_0, and blocks (efficientnet) as they are.
    own = {
        key if key in wanted else key.replace(".", "_", 1): v for key, v in backbone.net.state_dict().items()
    }
    assert set(wanted) <= set(own)
    reference.load_state_dict({key: own[key] for key in wanted})
    expected = reference.eval()(_by_hand(images, name))
    features = backbone(images)
    finest = [] if features.finest is None else [features.finest]
    assert [level.shape[1] for level in finest] == [backbone.finest_channels][: len(finest)]
    for level, other in zip([*finest, *features.pyramid], expected, strict=True):
        torch.testing.assert_close(level, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_deep_features_are_what_timm_would_classify(images: Tensor, name: str) -> None:
    backbone = _backbone(name)
    expected = backbone.net.forward_features(_by_hand(images, name))
    torch.testing.assert_close(backbone(images).deep, expected, rtol=1e-3, atol=1e-4)


def test_output_stride_16_is_the_same_network_with_finer_deep_features(images: Tensor) -> None:
    coarse, fine = _backbone("test_resnet", 32), _backbone("test_resnet", 16)
    fine.load_state_dict(coarse.state_dict())
    for level, other in zip(coarse(images).pyramid[:3], fine(images).pyramid[:3], strict=True):
        torch.testing.assert_close(level, other)
    assert fine(images).deep.shape[-1] == 2 * coarse(images).deep.shape[-1]


# --- normalization -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_normalization_inside_is_the_models_own(images: Tensor, name: str) -> None:
    pixels = _pixels(_backbone(name), images, FAMILIES[name][2])
    torch.testing.assert_close(pixels, _by_hand(images, name), rtol=1e-5, atol=1e-5)


def test_uint8_and_float_images_are_the_same(images: Tensor) -> None:
    backbone = _backbone("test_efficientnet")
    assert torch.equal(backbone(images).deep, backbone(images.float()).deep)


def test_images_reach_the_network_channels_last(images: Tensor) -> None:
    pixels = _pixels(_backbone("test_efficientnet"), images, "conv_stem")
    assert pixels.is_contiguous(memory_format=torch.channels_last)


# --- freezing ----------------------------------------------------------------------------------------


def _statistics(backbone: Backbone) -> dict[str, Tensor]:
    return {
        name: norm.running_mean.clone()
        for name, norm in backbone.named_modules()
        if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None
    }


@pytest.mark.parametrize(
    ("name", "frozen"),
    [
        ("test_efficientnet", ("net.conv_stem", "net.bn1", "net.blocks.0", "net.blocks.1.")),
        ("test_resnet", ("net.conv1", "net.bn1", "net.layer1", "net.layer2")),
    ],
)
@pytest.mark.parametrize("train_before", [False, True], ids=["train() after", "train() before"])
def test_frozen_stages_keep_weights_and_statistics_while_others_learn(
    images: Tensor, name: str, frozen: tuple[str, ...], train_before: bool
) -> None:
    backbone = _backbone(name)
    if train_before:
        backbone.train()
    backbone.freeze(3)
    before = _statistics(backbone)
    backbone.eval()
    backbone.train()
    backbone(images).deep.sum().backward()
    after = _statistics(backbone)
    kept = {key for key in before if torch.equal(before[key], after[key])}
    assert kept == {key for key in before if key.startswith(frozen)}
    assert 0 < len(kept) < len(before)
    for key, parameter in backbone.named_parameters():
        assert parameter.requires_grad != key.startswith(frozen), key
        assert (parameter.grad is None) == key.startswith(frozen), key


def test_freezing_survives_train_calls_of_the_whole_model(
    images: Tensor, build: Callable[..., nn.Module]
) -> None:
    model = build("S3")
    backbone = model.get_submodule("backbone")
    assert isinstance(backbone, Backbone)
    backbone.freeze(1)
    for _ in range(2):
        model.eval()
        model.train()
    assert not backbone.net.bn1.training
    assert backbone.net.blocks[0].training
    before = backbone.net.bn1.running_var.clone()
    model(images)
    assert torch.equal(backbone.net.bn1.running_var, before)


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        # Counted in timm's own groups: stem and blocks of EfficientNet, where the first block has stride 2.
        ("tf_efficientnet_lite0", [3, 4, 6]),
        ("test_resnet", [2, 3, 4]),
        ("convnext_atto", [2, 3, 4]),
        # Each convolution is a stage; two of them have stride 4 and two stride 8, where pools are read.
        ("vgg11", [4, 6, 0]),
        # Its parallel branches end in modules that timm groups last.
        ("hrnet_w18_small", [0, 0, 0]),
        ("poolformer_s12", [0, 0, 0]),
    ],
)
def test_stages_to_a_stride_are_those_that_its_features_come_from(name: str, stages: list[int]) -> None:
    backbone = _backbone(name)
    backbone.train()
    assert [backbone.stages_to(stride) for stride in (4, 8, 16)] == stages
    assert all(module.training for module in backbone.modules())
    assert all(parameter.requires_grad for parameter in backbone.parameters())


def test_a_stem_that_reduces_more_than_timm_declares_has_no_finest_features(images: Tensor) -> None:
    """That of TResNet: a space-to-depth of 4 is declared as stride 2."""
    backbone = _backbone("tresnet_m")
    assert backbone.finest_channels is None and backbone(images).finest is None


def test_freezing_nothing_changes_nothing() -> None:
    backbone = _backbone("test_efficientnet")
    backbone.freeze(0)
    backbone.train()
    assert all(module.training for module in backbone.modules())
    assert all(parameter.requires_grad for parameter in backbone.parameters())


def test_a_backbone_without_stages_works_unfrozen() -> None:
    backbone = _backbone("poolformer_s12")
    backbone.freeze(0)
    assert all(parameter.requires_grad for parameter in backbone.parameters())
    with pytest.raises(GainspectError, match=r"this backbone has 0. Choose 0\."):
        backbone.freeze(1)


def test_more_stages_than_there_are_cannot_be_frozen() -> None:
    with pytest.raises(
        GainspectError, match=r"training\.frozen_stages: cannot freeze 9 stages.*Choose 0 to 6\."
    ):
        _backbone("test_efficientnet").freeze(9)


# --- names that do not work --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("effnet_lite0", "Similar names: efficientnet_lite0"),
        ("test_efficientnet.no_such_tag", "Similar names: test_efficientnet.r160_in1k"),
        ("nothing_of_this_kind", "`timm.list_models()` lists"),
        ("", "timm has no model ''"),
    ],
)
def test_an_unknown_name_is_answered_with_names_near_it(name: str, hint: str) -> None:
    with pytest.raises(GainspectError, match=r"model\.backbone: timm has no model") as caught:
        Backbone(name)
    assert hint in str(caught.value)


@pytest.mark.parametrize("output_stride", [16, 32])
def test_a_plain_transformer_has_no_pyramid(output_stride: int) -> None:
    with pytest.raises(GainspectError, match=r"model\.backbone: .*test_vit.*stride.*Choose"):
        Backbone("test_vit", output_stride)


@pytest.mark.parametrize(
    "name", ["test_mambaout", "swin_tiny_patch4_window7_224"], ids=["channels last", "of one size"]
)
def test_a_backbone_whose_features_are_not_what_timm_promises_is_refused(name: str) -> None:
    with pytest.raises(GainspectError, match=rf"'{name}' does not give features \(B, C, h, w\) at strides"):
        Backbone(name)


@pytest.mark.parametrize("name", ["test_maxvit", "mobilenetv3_small_050"])
def test_a_backbone_that_cannot_be_dilated_says_so(name: str) -> None:
    with pytest.raises(GainspectError, match=r"output stride 16.*Choose output_stride 32"):
        Backbone(name, 16)
