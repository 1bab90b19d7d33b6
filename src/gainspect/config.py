"""All settings of a training run, typed and validated on construction. Nothing here needs torch."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gainspect.data.mask_values import MaskValues
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.files import write_text
from gainspect.strategies import LossName, PyramidKind, Tta, strategy
from gainspect.types import Fill

Direction = Literal["max", "min"]
MAP_MONITORS = ("cam_iou", "pointing_game", "energy_inside", "localization_iou")
"""Validation figures that exist only if NG images of the validation part have masks."""
OUTLINE_MONITORS = ("cam_iou", "localization_iou")
"""Those of them that need masks of outlines: a box or strokes do not show how far a map should reach."""
MONITORS: Mapping[str, Direction] = MappingProxyType(
    {
        **dict.fromkeys(("right_reason_at_recall", "specificity_at_recall", "auroc", "ap"), "max"),
        **dict.fromkeys(("accuracy", "recall", *MAP_MONITORS), "max"),
        **{f"loss/{name}": "min" for name in ("total", *get_args(LossName))},
    }
)
"""The figures by which a checkpoint can be chosen, and whether the largest or the smallest is the best.
The shares are those of `evaluation.validation_figures`, the losses those of `strategies`."""

_ONCE_MONITORED = "right_reason_at_recall"
"""The default of `training.monitor` before there was none, which runs with folds also recorded."""

Effort = Literal["quick", "usual", "thorough"]


class Length(NamedTuple):
    """How long a training lasts."""

    steps: int
    """Optimizer steps."""
    most_epochs: int
    """But no more often than this is a small set seen."""


EFFORTS: Mapping[Effort, Length] = MappingProxyType(
    {"quick": Length(150, 30), "usual": Length(600, 60), "thorough": Length(1800, 180)}
)
"""Of a training whose epochs are not given. What each gives: docs/explanation/recipe.md."""
FEWEST_EPOCHS = 5
"""So often a large set is seen all the same."""

Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


class DataConfig(_Section):
    """Which images are used, and at which size the model sees them."""

    size: Annotated[int, Field(ge=64, le=4096, multiple_of=32)] | Literal["auto"] = "auto"
    """Side in pixels of the square that every image, or every tile of it, is letterboxed into. "auto" chooses
    it from the size of the defects when the training begins (`training.settle`)."""
    tile: Annotated[int, Field(ge=64)] | None = None
    """Side of the square tiles that images are cut into, in pixels of the original; None: no tiling."""
    overlap: Annotated[float, Field(ge=0, le=0.75)] = 0.25
    """Smallest overlap of neighboring tiles, as a share of a tile's side."""
    bits: Literal["auto"] | Annotated[int, Field(ge=8, le=16)] | None = "auto"
    """How many of their bits 16-bit images use, if their files do not say so. "auto" finds it over the
    training and validation part when the training begins; None: there are no such images."""
    mask_values: dict[str, str] | None = None
    """What the values of masks mean: background, defect, ignore, or a type of defect by its name, such as
    {"1": "defect", "255": "ignore", "#ff0000": "scratch"}. None: 0 is background, and one other value, the
    same in all masks, is the defect."""
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the training groups kept for validation if the data set does not define a validation part."""
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """Share of all groups kept for the test if the data set does not define a test part."""

    @property
    def input_size(self) -> int:
        """The chosen size, in pixels.

        Raises:
            GainspectError: the size is still "auto".
        """
        if self.size == "auto":
            raise GainspectError(
                "the image size is not chosen yet",
                where="data.size",
                hint="Set it, or let `gainspect.training.settle` choose it.",
            )
        return self.size

    @property
    def tiling(self) -> Tiling | None:
        """How images are cut into tiles; None: the model sees each image whole."""
        return None if self.tile is None else Tiling(self.tile, self.overlap)

    @property
    def meanings(self) -> MaskValues | None:
        """What the values of masks mean; None: the rule of `data.masks`."""
        return None if self.mask_values is None else MaskValues.of(self.mask_values)

    @field_validator("mask_values", mode="before")
    @classmethod
    def _written_in_one_way(cls, given: Any) -> Any:
        """Accept the line of the command line, and numbers as keys, as YAML reads them."""
        if given is None or not isinstance(given, str | dict):
            return given
        try:
            if isinstance(given, str):
                return MaskValues.parse(given).written
            return MaskValues.of({str(value): str(meaning) for value, meaning in given.items()}).written
        except GainspectError as error:
            raise ValueError(f"{error.what}. {error.hint}") from error


class ModelConfig(_Section):
    """The network."""

    backbone: str = "tf_efficientnetv2_s.in21k_ft_in1k"
    """Any timm model with `forward_intermediates` and features at strides 4, 8, 16 and 32."""
    weights: str = "auto"
    """"auto" (from the local cache, the hub or an installed package), "none" (random), or a .safetensors or
    .pth file."""
    init: str | None = None
    """Run folder or bundle of an earlier network to begin with, instead of `weights`: all modules that fit
    are taken over. None: there is none."""
    output_stride: Literal[16, 32] = 32
    """Stride of the deepest features; 16 gives attention maps twice as fine at more cost."""
    attention_channels: PositiveInt = 128
    """Channels of the two attention heads and of the attended features. If attention is read from the
    pyramid, the heads have as many channels as the pyramid instead."""
    pyramid: PyramidKind | None = None
    """How localization combines the strides: a linear feature pyramid or a U-Net decoder; None: as the
    strategy defines."""
    fpn_channels: Annotated[int, Field(ge=2)] = 32
    """Channels of the pyramid (or U-Net decoder) at stride 4; the decoder has half as many at stride 2."""
    finest_stride: Literal[2, 4] | None = None
    """Stride of the finest features that localization combines, and of its map and fused evidence; of a
    backbone without features at stride 2 it is 4. None: as the earlier network (`init`), or as the strategy
    defines."""
    tta: Tta | None = None
    """Test-time augmentation: in how many positions an inspection sees an image, to average what it finds. 1:
    as it is; 2: also mirrored; 8: also both after each quarter turn. Training shows all of them; each costs
    the time of one. None: as the strategy defines."""


class TrainingConfig(_Section):
    """How the model is trained."""

    effort: Effort = "usual"
    """How long a training lasts (`EFFORTS`), if `epochs` are "auto"."""
    epochs: PositiveInt | Literal["auto"] = "auto"
    """Passes over the training part. "auto": as many as give the steps of `effort`, but at least
    `FEWEST_EPOCHS`; chosen when the training begins (`training.settle`)."""
    batch_size: PositiveInt = 16
    """Images of a step, on all processes together (`--devices`, `--nodes`)."""
    accumulate: PositiveInt = 1
    """Number of batches whose gradients are added up before one optimizer step."""
    lr: Annotated[float, Field(gt=0)] = 1.5e-3
    """Peak learning rate of the heads (AdamW); after the warm-up it falls to 0 along a cosine."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Learning rate of each backbone layer group, as a multiple of that of the group above it."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the run over which the learning rate rises linearly."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Gradients are clipped to this norm."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.98
    """Decay per step of the exponential moving average of the weights, which is validated and kept; 0: no
    averaging."""
    sampler: Literal["balanced", "natural"] = "balanced"
    """"balanced" draws OK and NG images equally often."""
    focal_gamma: Annotated[float, Field(ge=0)] = 0.0
    """Focusing exponent of the focal loss: 0 for plain cross-entropy, otherwise at least 1."""
    focal_alpha: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)] = "auto"
    """Weight of NG in the focal loss; "auto": the share of OK among the images drawn."""
    stage_starts: tuple[Fraction, Fraction, Fraction, Fraction] | None = None
    """When each stage begins, as shares of the run: classification, attention, localization, counterfactual.
    None: as the strategy defines."""
    frozen_stages: Annotated[int, Field(ge=0, le=8)] | Literal["auto"] = "auto"
    """Number of backbone stages (counted from the stem, which is 1) whose weights and BatchNorm statistics do
    not change. "auto": all up to stride 8; none if the weights are random, or those of an earlier network
    that began with random ones."""
    transplants: Fraction | None = None
    """Share of the drawn NG images with a mask whose defect is put onto an OK part; None: as the strategy
    defines."""
    repairs: Fraction | None = None
    """Share of the drawn images in which something is repaired, as the reason check repairs: of marked NG
    images in half of these the defect, which makes them OK; None: as the strategy defines."""
    repair_fill: Fill | None = None
    """What these repairs fill a region with; None: "matched"."""
    start_size: Fraction = 1.0
    """Progressive learning: share of the image size at the start; it grows to 1 over the first half."""
    start_strength: Fraction = 0.3
    """Augmentation strength at the start; it grows linearly over the run."""
    end_strength: Fraction = 0.7
    """Augmentation strength at the end."""
    target_recall: Annotated[float, Field(gt=0, le=1)] | None = None
    """The threshold is set so that recall on the validation part reaches this value, whatever it costs; None:
    thresholds are chosen by expected cost (`evaluation.operating_point`)."""
    monitor_recall: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Epochs are compared at this recall on the validation part. It is lower than `target_recall` so that the
    comparison does not depend on one or two images."""
    monitor: str | None = None
    """The figure (a column of log.csv) by which the checkpoint is chosen, one of `MONITORS`; of a loss the
    smallest is the best. None: that of the last epoch is kept. The learning rate has fallen to 0 by then, the
    weights are an average, and a validation part of a few defective parts knows no better."""
    patience: PositiveInt | None = None
    """Stop after this many epochs without a better `monitor`, which must be given; None: train to the end."""
    folds: Annotated[int, Field(ge=2)] | None = None
    """Choose the policy out of fold: training and validation parts are divided into so many folds, each
    judged by a network that was trained on the others, and the last network is trained on all of them
    (`training.folds`). None: a validation part chooses."""
    precision: Literal["auto", "32", "bf16"] = "auto"
    """"auto": bf16 on GPUs that support it, otherwise 32."""
    tf32: bool = False
    """With precision 32, let GPUs multiply in TF32 (10 bits of mantissa), which is faster and less exact."""
    compile: bool = False
    """Compile the backbone with torch.compile. It pays off in long runs; on a CPU it needs a C++ compiler."""
    workers: Annotated[int, Field(ge=0)] | None = None
    """Number of processes that load images, for each process that trains; None: chosen for the machine."""
    cache_gb: Annotated[float, Field(ge=0)] | None = None
    """Memory for images that are kept from epoch to epoch, GB: 4 bytes per pixel of the model's input; with
    tiles, per pixel of the original. None: a quarter of the free memory. The result is the same."""
    seed: int = 1

    @property
    def epoch_count(self) -> int:
        """The number of epochs.

        Raises:
            GainspectError: it is still "auto".
        """
        if self.epochs == "auto":
            raise GainspectError(
                "the number of epochs is not chosen yet",
                where="training.epochs",
                hint="Set it, or let `gainspect.training.settle` choose it.",
            )
        return self.epochs

    def epochs_for(self, images: int, effort: Effort) -> int:
        """As many epochs as give the steps of an effort with so many training images.

        >>> [TrainingConfig().epochs_for(600, effort) for effort in EFFORTS]
        [5, 16, 49]
        """
        an_epoch = max(1, images // self.batch_size) / self.accumulate
        steps, most_epochs = EFFORTS[effort]
        return min(most_epochs, max(FEWEST_EPOCHS, round(steps / an_epoch)))

    @field_validator("focal_gamma")
    @classmethod
    def _gamma_has_a_gradient(cls, gamma: float) -> float:
        if 0 < gamma < 1:
            raise ValueError("between 0 and 1 the gradient of a confident, correct image is infinite")
        return gamma

    @field_validator("monitor")
    @classmethod
    def _known_figure(cls, name: str | None) -> str | None:
        if name is not None and name not in MONITORS:
            raise ValueError(f"there is no figure {name!r}; choose one of {', '.join(MONITORS)}")
        return name

    @model_validator(mode="after")
    def _a_figure_only_where_there_is_one(self) -> "TrainingConfig":
        if self.folds is not None and self.patience is not None:
            raise ValueError("patience needs a validation part, and with folds the last training has none")
        if self.folds is not None and self.monitor not in (None, _ONCE_MONITORED):
            raise ValueError(
                "with folds no checkpoint is chosen by a figure (each training keeps its last average), "
                "so monitor has no effect"
            )
        if self.patience is not None and self.monitor is None:
            raise ValueError("patience needs a figure to go by: name it as monitor, such as ap")
        return self

    @field_validator("stage_starts")
    @classmethod
    def _begins_with_classification(cls, starts: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if starts is not None and starts[0] != 0:
            raise ValueError("classification must begin at 0: before it there is nothing to train")
        return starts


class ExperimentalConfig(_Section):
    """Variations of the recipe that the benchmarks measure; an ordinary training does not need them."""

    mask_share: Fraction = 1.0
    """Share of the masks that training uses, to find out how many are worth drawing."""
    stage_ramp: Fraction | None = None
    """Share of the run over which the losses that a stage adds grow to their full weight; None: as `STAGES`
    has it for each."""
    counterfactual: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the counterfactual loss, with its suppression, in a strategy that has none."""
    boxes: bool = False
    """Train on the boxes around the marked defects instead of their outlines, as if they were outlines."""
    attention_loss: Literal["overlap", "energy", "l1"] = "overlap"
    """The loss that guides attention: BCE + Dice + IoU, the attention energy outside the mask, or the mean
    distance between attention and mask (L1)."""
    weighting: Literal["fixed", "uncertainty"] = "fixed"
    """Loss weights: "fixed" uses those of the strategy; "uncertainty" starts from them and learns them from
    the uncertainty of each loss."""
    evidence_power: Annotated[float, Field(ge=0)] = 3.0
    """How the evidence map is pooled to the logit, in strategies whose verdict is their evidence: 0 takes the
    mean of the map; larger values approach its maximum."""
    attention_stride: Literal[4, 8, 16, 32] = 8
    """Stride of the pyramid level that attention is read from, in strategies that attend to the pyramid."""


_MOVED = {
    "data": ("mask_share", "boxes"),
    "model": ("evidence_power", "attention_stride"),
    "training": ("attention_loss", "weighting"),
}
"""Settings that were in these sections before they moved to `experimental`."""

_GONE = {"memory": 0, "evidence_context": False}
"""Settings of `experimental` that were tried and are no more, as runs of then say that they did without."""


class RunConfig(_Section):
    """The complete configuration of one run: the content of `config.yaml` in a run folder."""

    strategy: str = "S9"
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    experimental: ExperimentalConfig = ExperimentalConfig()

    @model_validator(mode="before")
    @classmethod
    def _from_older_places(cls, values: Any) -> Any:
        """Accept configurations written before some settings moved to `experimental`, or went from there."""
        if not isinstance(values, dict):
            return values
        values = dict(values)
        moved: dict[str, Any] = {}
        for section, names in _MOVED.items():
            if isinstance(values.get(section), dict):
                content = dict(values[section])
                moved |= {name: content.pop(name) for name in names if name in content}
                values[section] = content
        if moved and isinstance(values.setdefault("experimental", {}), dict):
            values["experimental"] = moved | values["experimental"]
        if isinstance(tried := values.get("experimental"), dict):
            unused = {name for name, value in _GONE.items() if name in tried and tried[name] == value}
            tried = {name: tried[name] for name in tried if name not in unused}
            if "repairs" in tried and isinstance(values.setdefault("training", {}), dict):
                values["training"] = {"repairs": tried.pop("repairs"), **values["training"]}
            values["experimental"] = tried
        return values

    def with_data(self, **settings: Any) -> "RunConfig":
        """The same configuration with other settings of `data`."""
        data = self.data.model_dump() | settings
        return RunConfig.model_validate(self.model_dump() | {"data": data})

    def with_epochs(self, images: int) -> "RunConfig":
        """The same configuration; epochs that are "auto" are chosen for so many training images."""
        settings = self.training
        if settings.epochs != "auto":
            return self
        return self._with_training(epochs=settings.epochs_for(images, settings.effort))

    def with_finest_stride(self, stride: Literal[2, 4] | None) -> "RunConfig":
        """The same configuration, with this stride of the finest features."""
        return self._with_model(finest_stride=stride)

    def with_older_defaults(self) -> "RunConfig":
        """The same configuration, read from a run or bundle that may be of an older version.

        Settings that it does not name did not exist when it was saved: there were no repairs then, or they
        were diffused, stride 4 was the finest, and an inspection saw an image as it is.
        """
        repairs = self.training.repairs
        saved = self._with_training(
            repairs=0.0 if repairs is None else repairs, repair_fill=self.training.repair_fill or "diffused"
        )
        return saved._with_model(finest_stride=self.model.finest_stride or 4, tta=self.model.tta or 1)

    def without_folds(self) -> "RunConfig":
        """The configuration of each fold."""
        return self._with_training(folds=None)

    def _with_model(self, **settings: Any) -> "RunConfig":
        return self.model_copy(update={"model": self.model.model_copy(update=settings)})

    def _with_training(self, **settings: Any) -> "RunConfig":
        return self.model_copy(update={"training": self.training.model_copy(update=settings)})

    def resolved(self) -> "RunConfig":
        """The same configuration, with the strategy's value for every setting that is None."""
        own = strategy(self.strategy)
        starts = tuple(stage.start for stage in own.stages)
        own_training = {
            "transplants": own.transplants,
            "repairs": own.repairs,
            "repair_fill": "matched",
            "stage_starts": starts,
        }
        left = {name: value for name, value in own_training.items() if getattr(self.training, name) is None}
        model = {
            "pyramid": self.model.pyramid or own.pyramid,
            "finest_stride": self.model.finest_stride or own.finest_stride,
            "tta": self.model.tta or own.tta,
        }
        return self._with_model(**model)._with_training(**left)

    @field_validator("strategy")
    @classmethod
    def _known_strategy(cls, name: str) -> str:
        try:
            return strategy(name).name
        except GainspectError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _the_strategy_has_the_monitored_figure(self) -> "RunConfig":
        own, figure = strategy(self.strategy), self.training.monitor
        if figure is None:
            return self
        loss = figure.removeprefix("loss/")
        if figure.startswith("loss/") and loss != "total" and loss not in own.weights:
            known = ", ".join(f"loss/{name}" for name in ("total", *own.weights))
            raise ValueError(f"training.monitor: {own.name} has no {figure}; its losses are {known}")
        if figure == "localization_iou" and "localization" not in own.modules:
            raise ValueError(f"training.monitor: {own.name} has no localization, so no localization_iou")
        return self

    @model_validator(mode="after")
    def _progressive_size_is_large_enough(self) -> "RunConfig":
        if self.data.size != "auto" and self.data.size * self.training.start_size < 64:
            raise ValueError(
                f"training.start_size {self.training.start_size} of {self.data.size} px is less than 64 px"
            )
        return self


def load_config(path: Path | None = None, overrides: dict[str, Any] | None = None) -> RunConfig:
    """Read a YAML file (or start from the defaults) and apply `overrides`, e.g. {"training.lr": 1e-4}.

    Raises:
        GainspectError: the file cannot be read, is not YAML, or has an unknown key or a value out of range;
            the message names each of them.
    """
    values: Any = {}
    if path is not None:
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise GainspectError(f"cannot read the configuration ({error})", where=path) from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise GainspectError(
            "the configuration is not a mapping", where=path, hint="Write it as `training:` / `  lr: 0.0005`."
        )
    for dotted, value in (overrides or {}).items():
        *sections, key = dotted.split(".")
        node = values
        for section in sections:
            if not isinstance(node.setdefault(section, {}), dict):
                raise GainspectError(
                    f"cannot set {dotted}: {section} is {node[section]!r}, not a mapping", where=path
                )
            node = node[section]
        node[key] = value
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        by_setting: dict[str, list[str]] = {}
        for fault in error.errors():
            # Behind section and setting: the place in a list, or the kind (a setting that may be a number or
            # "auto" has one fault for each).
            place = [str(key) for depth, key in enumerate(fault["loc"]) if depth < 2 or isinstance(key, int)]
            by_setting.setdefault(".".join(place) or "run", []).append(fault["msg"])
        faults = "; ".join(f"{name}: {' or '.join(what)}" for name, what in by_setting.items())
        raise GainspectError(
            f"the configuration is not valid: {faults}",
            where=path,
            hint="`gainspect train --show-config` lists all settings; an unknown key is often a typo.",
        ) from error


def save_config(config: RunConfig, path: Path) -> None:
    """Write the configuration as YAML, atomically; `load_config` reads the same configuration back."""
    write_text(path, to_yaml(config))


def to_yaml(config: RunConfig) -> str:
    """Every setting with its value, as YAML that `load_config` reads."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
