"""Everything that decides a training run, typed and checked on construction. Nothing here needs torch."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.files import write_text
from gainspect.strategies import PyramidKind, strategy

Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


class DataConfig(_Section):
    """Which images, and how large the model sees them."""

    size: Annotated[int, Field(ge=64, le=4096, multiple_of=32)] | Literal["auto"] = "auto"
    """Side of the square that every image, or every tile of it, is letterboxed into, pixels; "auto" = by how
    large the defects are, chosen when the training begins (`training.settle`)."""
    tile: Annotated[int, Field(ge=64)] | None = None
    """Side of the square tiles that images are cut into, pixels of the original; None = none."""
    overlap: Annotated[float, Field(ge=0, le=0.75)] = 0.25
    """Share of a tile's side that neighboring tiles have in common at least."""
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the training groups kept for validation, where the data set names no validation part."""
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """Share of all groups kept for the test, where the data set names no test part."""

    @property
    def input_size(self) -> int:
        """The size once it is chosen, pixels.

        Raises:
            GainspectError: it is still "auto".
        """
        if self.size == "auto":
            raise GainspectError(
                "the image size is not chosen yet",
                where="data.size",
                hint="Name it, or let `gainspect.training.settle` choose it.",
            )
        return self.size

    @property
    def tiling(self) -> Tiling | None:
        """How images are cut; None = they are seen whole."""
        return None if self.tile is None else Tiling(self.tile, self.overlap)


class ModelConfig(_Section):
    """The network (DESIGN: the model)."""

    backbone: str = "tf_efficientnetv2_s.in21k_ft_in1k"
    """Any timm model with `forward_intermediates` and features at strides 4, 8, 16 and 32."""
    weights: str = "auto"
    """"auto" (local cache, hub, installed package), "none" (random), or a .safetensors/.pth file."""
    output_stride: Literal[16, 32] = 32
    """Stride of the deepest features; 16 gives attention maps twice as fine at more cost."""
    attention_channels: PositiveInt = 128
    """Width of the two attention heads and of the attended features. Where attention is read from the
    pyramid, its heads are as wide as the pyramid instead."""
    pyramid: PyramidKind | None = None
    """How localization joins the strides: linear feature pyramid or U-Net decoder; None = as the strategy."""
    fpn_channels: Annotated[int, Field(ge=2)] = 32
    """Width of the pyramid (or U-Net decoder) at stride 4 and of the localization head."""


class TrainingConfig(_Section):
    """How the model is trained."""

    epochs: PositiveInt = 20
    batch_size: PositiveInt = 16
    accumulate: PositiveInt = 1
    """Batches whose gradients are added up before one optimizer step."""
    lr: Annotated[float, Field(gt=0)] = 1.5e-3
    """Peak learning rate of the heads (AdamW); cosine to 0 after the warm-up."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Each backbone layer group learns this much slower than the one above it."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the run over which the learning rate rises linearly."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Gradients are clipped to this norm."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.98
    """Decay per step of the weight average that is validated and kept; 0 = none."""
    sampler: Literal["balanced", "natural"] = "balanced"
    """"balanced" draws OK and NG images equally often."""
    focal_gamma: Annotated[float, Field(ge=0)] = 0.0
    """Focusing exponent of the focal loss; 0 = plain cross-entropy, else at least 1."""
    focal_alpha: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)] = "auto"
    """Weight of NG in the focal loss; "auto" = the share of OK among the images drawn."""
    stage_starts: tuple[Fraction, Fraction, Fraction, Fraction] | None = None
    """When each stage begins (shares of the run): classification, attention, localization, counterfactual;
    None = as the strategy says."""
    frozen_stages: Annotated[int, Field(ge=0, le=8)] = 0
    """Backbone stages (stem = 1) whose weights and BatchNorm statistics stay as they came."""
    transplants: Fraction | None = None
    """Share of the marked NG images drawn whose defect is put onto an OK part; None = the strategy's."""
    start_size: Fraction = 1.0
    """Progressive learning: share of the image size at the start; grows to 1 over the first half."""
    start_strength: Fraction = 0.3
    """Augmentation strength at the start; grows linearly over the run."""
    end_strength: Fraction = 0.7
    """Augmentation strength at the end."""
    target_recall: Annotated[float, Field(gt=0, le=1)] = 0.98
    """Recall on the validation part that the threshold is set for."""
    monitor_recall: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Recall on the validation part at which checkpoints are compared; lower, so that more than one or two
    images decide."""
    monitor: str = "right_reason_at_recall"
    """The validation figure (a column of log.csv) that picks the checkpoint; larger is better."""
    patience: PositiveInt | None = None
    """Stop after this many epochs without a better `monitor`; None = train to the end."""
    precision: Literal["auto", "32", "bf16"] = "auto"
    """"auto" = bf16 on GPUs that have it, else 32."""
    compile: bool = False
    """Compile the backbone with torch.compile: pays in long runs; on a CPU it needs a C++ compiler."""
    workers: Annotated[int, Field(ge=0)] | None = None
    """Processes that load images; None = by the machine."""
    seed: int = 1

    @field_validator("focal_gamma")
    @classmethod
    def _gamma_has_a_gradient(cls, gamma: float) -> float:
        if 0 < gamma < 1:
            raise ValueError("between 0 and 1 the gradient of a sure and right image is infinite")
        return gamma

    @field_validator("stage_starts")
    @classmethod
    def _begins_with_classification(cls, starts: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if starts is not None and starts[0] != 0:
            raise ValueError("classification must begin at 0: until then there is nothing to train")
        return starts


class ExperimentalConfig(_Section):
    """What the benchmarks ask about the recipe; no ordinary training needs it."""

    mask_share: Fraction = 1.0
    """Share of the masks that training uses; to learn how many are worth drawing."""
    boxes: bool = False
    """Train on the boxes around the marked defects instead of their outlines."""
    attention_loss: Literal["overlap", "energy", "l1"] = "overlap"
    """What guides attention: BCE + Dice + IoU, its energy outside the mask, or its mean distance from it."""
    weighting: Literal["fixed", "uncertainty"] = "fixed"
    """Loss weights: those of the strategy, or learned from there on by each loss's uncertainty."""
    evidence_power: Annotated[float, Field(ge=0)] = 3.0
    """In strategies whose verdict is their evidence: from its mean (0) towards its maximum."""
    attention_stride: Literal[4, 8, 16, 32] = 8
    """Stride of the pyramid level that attention is read from, in strategies that attend to the pyramid."""


_MOVED = {
    "data": ("mask_share", "boxes"),
    "model": ("evidence_power", "attention_stride"),
    "training": ("attention_loss", "weighting"),
}
"""Settings that stood in these sections before they became experimental."""


class RunConfig(_Section):
    """One run, whole: what `config.yaml` in a run folder holds."""

    strategy: str = "S9"
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    experimental: ExperimentalConfig = ExperimentalConfig()

    @model_validator(mode="before")
    @classmethod
    def _from_older_places(cls, values: Any) -> Any:
        """A configuration that was written before some settings moved to `experimental`."""
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
        return values

    def at_size(self, size: int, tile: int | None) -> "RunConfig":
        """The same configuration with another input side and side of the tiles, pixels."""
        data = self.data.model_dump() | {"size": size, "tile": tile}
        return RunConfig.model_validate(self.model_dump() | {"data": data})

    def resolved(self) -> "RunConfig":
        """The same configuration, with what it leaves to the strategy written out."""
        own = strategy(self.strategy)
        left = {"transplants": own.transplants, "stage_starts": tuple(stage.start for stage in own.stages)}
        left = {name: value for name, value in left.items() if getattr(self.training, name) is None}
        model = {"pyramid": self.model.pyramid or own.pyramid}
        return self.model_copy(
            update={
                "model": self.model.model_copy(update=model),
                "training": self.training.model_copy(update=left),
            }
        )

    @field_validator("strategy")
    @classmethod
    def _known_strategy(cls, name: str) -> str:
        try:
            return strategy(name).name
        except GainspectError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _progressive_size_is_large_enough(self) -> "RunConfig":
        if self.data.size != "auto" and self.data.size * self.training.start_size < 64:
            raise ValueError(
                f"training.start_size {self.training.start_size} of {self.data.size} px is under 64 px"
            )
        return self


def load_config(path: Path | None = None, overrides: dict[str, Any] | None = None) -> RunConfig:
    """Read a YAML file (or start from the defaults) and put `overrides` ("training.lr": 1e-4) over it.

    Raises:
        GainspectError: not readable, not YAML, an unknown key, or a value out of range; each is named.
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
        for fault in error.errors():  # a setting of several kinds (a number or "auto") has one fault for each
            by_setting.setdefault(".".join(map(str, fault["loc"][:2])) or "run", []).append(fault["msg"])
        faults = "; ".join(f"{name}: {' or '.join(what)}" for name, what in by_setting.items())
        raise GainspectError(
            f"the configuration is not valid: {faults}",
            where=path,
            hint="`gainspect train --show-config` lists all settings; an unknown key is often a slip.",
        ) from error


def save_config(config: RunConfig, path: Path) -> None:
    """Write the resolved configuration as YAML, atomically; `load_config` gives the same one back."""
    write_text(path, to_yaml(config))


def to_yaml(config: RunConfig) -> str:
    """Every setting with its value, as `load_config` reads it."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
