"""What `recipe.py` asks: variants of the recipe by the settings in which they differ from it."""

from typing import Any

Variants = dict[str, dict[str, Any]]
BASE, PEER, SHARE = "S9 as it is", "peer", "share of the epochs"
_TOGETHER, _IN_STAGES = [0.0, 0.0, 0.0, 0.0], [0.0, 0.25, 0.5, 0.75]

QUESTIONS: dict[str, Variants] = {
    # How long, and at what size.
    "epochs": {
        BASE: {},
        **{f"{epochs} epochs": {"training.epochs": epochs} for epochs in (6, 20, 40, 80)},
    },
    "effort": {
        BASE: {},
        "--quick": {"training.epochs": "auto", "training.effort": "quick"},
        "--thorough": {"training.epochs": "auto", "training.effort": "thorough"},
    },
    "resolution": {
        BASE: {},
        "256 px": {"data.size": 256},
        "384 px": {"data.size": 384},
        "512 px": {"data.size": 512},
        "backbone at stride 16": {"model.output_stride": 16},
    },
    # What the network is taught with.
    "repairs": {
        BASE: {},
        "no repairs": {"training.repairs": 0.0},
        "repairs in 50 %": {"training.repairs": 0.5},
        "no transplants": {"training.transplants": 0.0},
        "neither": {"training.repairs": 0.0, "training.transplants": 0.0},
    },
    "fill": {BASE: {}, "taught diffused repairs": {"training.repair_fill": "diffused"}},
    "masks": {
        BASE: {},
        "25 % of the masks": {"experimental.mask_share": 0.25},
        "10 % of the masks": {"experimental.mask_share": 0.1},
        "boxes as if they were masks": {"experimental.boxes": True},
    },
    "sampler": {
        BASE: {},
        "natural sampler": {"training.sampler": "natural"},
        "natural sampler, α = 0.5": {"training.sampler": "natural", "training.focal_alpha": 0.5},
    },
    # How it learns.
    "seed": {BASE: {}, "another seed": {"training.seed": 2}},
    "frozen": {
        BASE: {},
        "nothing frozen": {"training.frozen_stages": 0},
        "frozen up to stride 4": {"training.frozen_stages": 3},
        "frozen up to stride 16": {"training.frozen_stages": 6},
        "another seed": {"training.seed": 2},
        "another seed, nothing frozen": {"training.seed": 2, "training.frozen_stages": 0},
    },
    "schedule": {
        BASE: {},
        "four stages": {"training.stage_starts": _IN_STAGES},
        "progressive size from one half": {"training.start_size": 0.5},
    },
    "stages": {
        "S6 in four equal stages": {"strategy": "S6"},
        "every added loss ramps": {"strategy": "S6", "experimental.stage_ramp": 0.125},
        "earlier stages that ramp": {
            "strategy": "S6",
            "training.stage_starts": [0.0, 0.2, 0.4, 0.6],
            "experimental.stage_ramp": 0.1,
        },
        "all at once": {"strategy": "S6", "training.stage_starts": _TOGETHER},
    },
    "gamma": {
        BASE: {},
        "γ = 2": {"training.focal_gamma": 2.0},
        "S1": {"strategy": "S1"},
        "S1, γ = 2": {"strategy": "S1", "training.focal_gamma": 2.0},
        "S6": {"strategy": "S6"},
        "S6, γ = 2": {"strategy": "S6", "training.focal_gamma": 2.0},
    },
    "optimizer": {
        BASE: {},
        "no weight average": {"training.ema": 0.0},
        "slower backbone (layer decay 0.6)": {"training.layer_decay": 0.6},
        "learned loss weights": {"experimental.weighting": "uncertainty"},
    },
    # What it consists of.
    "attention": {
        BASE: {},
        "read at stride 4": {"experimental.attention_stride": 4},
        "read at stride 16": {"experimental.attention_stride": 16},
        "read at stride 32": {"experimental.attention_stride": 32},
        "energy loss": {"experimental.attention_loss": "energy"},
        "L1 loss": {"experimental.attention_loss": "l1"},
    },
    "pyramid": {BASE: {}, "linear pyramid": {"model.pyramid": "fpn"}},
    "finest": {BASE: {}, "read at stride 4": {"model.finest_stride": 4}},
    "evidence": {
        BASE: {},
        "weighted by itself": {"experimental.evidence_power": 1.0},
        "by its eighth power": {"experimental.evidence_power": 8.0},
        "its mean": {"experimental.evidence_power": 0.0},
    },
    "counterfactual": {
        BASE: {},
        "feature counterfactual, weight 0.3": {"experimental.counterfactual": 0.3},
        "feature counterfactual, weight 1": {"experimental.counterfactual": 1.0},
    },
    # What else there is.
    "tta": {
        BASE: {},
        "without test-time augmentation": {"model.tta": 1},
        "in 8 positions": {"model.tta": 8},
    },
    "strategies": {
        BASE: {},
        **{name: {"strategy": name} for name in ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8")},
    },
    "peers": {
        BASE: {},
        "another seed": {"training.seed": 2},
        "without test-time augmentation": {"model.tta": 1},
        "no repairs": {"training.repairs": 0.0},
        "as it was before this round": {
            "training.repairs": 0.0,
            "training.frozen_stages": 0,
            "model.finest_stride": 4,
            "model.tta": 1,
        },
        "--thorough": {"training.epochs": "auto", "training.effort": "thorough"},
        "U-Net": {PEER: "U-Net"},
        "U-Net, another seed": {PEER: "U-Net", "training.seed": 2},
        "U-Net, in 2 positions": {PEER: "U-Net", "model.tta": 2},
        # One of its steps takes 2.429 / 1.009 times one of S9's (step_time.md).
        "U-Net, as many seconds": {PEER: "U-Net", SHARE: 1.009 / 2.429},
        "plain classifier": {"strategy": "S1"},
        "FPN": {PEER: "FPN"},
        "SuperSimpleNet": {PEER: "SuperSimpleNet"},
        "PatchCore": {PEER: "PatchCore"},
    },
}
"""The settings of each variant of a question, the peer that takes the place of S9, and the share of S9's
epochs that it learns for; the first is what the others are compared with. A peer sees an image as it is if
`model.tta` is not set."""
