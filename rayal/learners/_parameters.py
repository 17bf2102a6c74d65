"""Parameters that learners share: type, bounds and meaning of each, stated once.

The default of a parameter stands in the signature of each learner.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, PositiveFloat, PositiveInt
from typing_extensions import Doc

from rayal.vision import classifier_augment
from rayal.vision import precision as number_format

Epochs: TypeAlias = Annotated[PositiveInt, Doc("Passes over the labeled images, at most.")]
BatchSize: TypeAlias = Annotated[int, Field(ge=2), Doc("Images in a step.")]
LeastSteps: TypeAlias = Annotated[
    PositiveInt, Doc("An epoch with fewer steps is made of several passes over the images.")
]
WeightDecay: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False), Doc("L2 penalty.")]
Milestones: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...],
    Doc("Epochs, counted from 0, at whose start the learning rates are multiplied by gamma."),
]
Gamma: TypeAlias = Annotated[float, Field(gt=0, le=1), Doc("Factor of milestones and plateaus.")]
PlateauPatience: TypeAlias = Annotated[
    Annotated[int, Field(ge=0)] | None,
    Doc(
        "Epochs without a lower validation loss after whose next the learning rates are multiplied "
        "by gamma; null waits for no plateau."
    ),
]
EarlyStoppingPatience: TypeAlias = Annotated[
    PositiveInt | None,
    Doc(
        "Epochs without a lower validation loss after which training ends; the weights of the "
        "lowest are kept. null trains for all epochs and keeps the last weights."
    ),
]
Augmentation: TypeAlias = Annotated[
    classifier_augment.ClassifierAugmentation,
    Doc("crop_flip, crop, flip, rotate, hacon or none, see rayal.vision.classifier_augment."),
]
Views: TypeAlias = Annotated[
    PositiveInt,
    Doc("Augmented copies of each image that `consistency` and the like compare."),
]
ViewsAugmentation: TypeAlias = Annotated[
    classifier_augment.ViewsAugmentation | None,
    Doc(
        "Of the views: weak (a crop of 80 % and more) or weak_flip, as consistency-based selection "
        "has it (Gao et al. 2020), or one to train under; null takes that of the training, whose "
        "changes, as those of color, may hide the images."
    ),
]
Dropout: TypeAlias = Annotated[
    float,
    Field(ge=0, lt=1),
    Doc(
        "Fraction of what the last layer sees that is dropped in training and in Monte-Carlo "
        "passes (MC dropout, Gal and Ghahramani 2016); 0 leaves both out."
    ),
]
Prototypes: TypeAlias = Annotated[
    bool,
    Doc(
        "A last layer of C - 1 outputs whose class probabilities are those of fixed, maximally "
        "separated prototypes (MSAL, section 3.1)."
    ),
]
Radius: TypeAlias = Annotated[
    PositiveFloat,
    Doc("Length of the prototypes, the factor before the logits (.1 on MNIST in MSAL)."),
]
PseudoLabels: TypeAlias = Annotated[
    Literal["ceal", "nearest_center"] | None,
    Doc(
        "The images that the round before was sure of join the training with their predicted class "
        "(Wang et al. 2017): by ceal those of low entropy, by nearest_center those nearest to the "
        "prototype of their class (MSAL, section 4.2; needs prototypes)."
    ),
]
PseudoThreshold: TypeAlias = Annotated[
    PositiveFloat,
    Doc(
        "Below which a prediction is sure: the entropy in nats, or, for nearest_center, one less "
        "the cosine to the prototype."
    ),
]
PseudoDecay: TypeAlias = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False),
    Doc("What the threshold falls by each round, to 0 at the least."),
]
Precision: TypeAlias = Annotated[
    number_format.Precision | None,
    Doc(
        "That the network trains in, bf16 or float32; null takes bf16 on a GPU, float32 on a CPU. "
        "What it predicts afterwards is computed in float32."
    ),
]
