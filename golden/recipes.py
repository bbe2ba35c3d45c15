"""Recipes: how each of the named models is trained."""

import math
from dataclasses import dataclass

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: by Adam, the learning rate falling to zero along a cosine.

    epochs : passes over the training images
    batch : images a step; the rest of an epoch that fills no batch is left out
    learning_rate : of the first step
    shift : each image is moved by up to so many pixels in each direction, anew in every epoch
    temperature : standard deviation the scores of an untrained binary network have in the loss
    flip : whether images are mirrored, left to right, half of the time
    bfloat16 : whether convolutions of training compute in bfloat16, with float32 between them
    weight_decay : of Adam, added to the gradients as in an L2 penalty
    validation : training images held out, drawn with the seed, to look at after each epoch
    patience : stop after so many epochs without a better accuracy on those, and take the weights of
        the best; 0 for never

    Raises TypeError and ValueError that name parameter, rule and value.
    """

    epochs: int
    batch: int = 100
    learning_rate: float = 3e-3
    shift: int = 0
    temperature: float = 1.0
    flip: bool = False
    bfloat16: bool = False
    weight_decay: float = 0.0
    validation: int = 0
    patience: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 2), ("shift", 0), ("validation", 0),
                            ("patience", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be an integer, not {value!r}")
            if value < least:
                raise ValueError(f"{name} must be at least {least}, not {value}")
        for name in ("learning_rate", "temperature", "weight_decay"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise TypeError(f"{name} must be a number, not {value!r}")
            if name == "weight_decay" and value == 0:
                continue
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be greater than 0 and finite, not {value}")
        if self.patience and not self.validation:
            raise ValueError(f"patience must be 0 without images held out, not {self.patience}; "
                             "give a number for validation")
        for name in ("flip", "bfloat16"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, not {getattr(self, name)!r}")


RECIPES = {
    "tfc": Recipe(epochs=60, learning_rate=0.03, temperature=0.5),
    "sfc": Recipe(epochs=40, learning_rate=0.03, temperature=0.5, shift=1),
    "lfc": Recipe(epochs=50, learning_rate=0.02, temperature=0.5, shift=1, batch=200),
    "digits": Recipe(epochs=200, learning_rate=0.01, temperature=0.5),
    "lenet300": Recipe(epochs=30, learning_rate=1e-3),
    "jets": Recipe(epochs=30, batch=500, learning_rate=0.01, temperature=0.5),
    "mlp128": Recipe(epochs=40, learning_rate=0.03, temperature=0.5, shift=1),
    "tiny_cnn": Recipe(epochs=100, learning_rate=0.01),
    "lenet5": Recipe(epochs=20, learning_rate=0.01, temperature=0.5, shift=1, bfloat16=True),
    "cifar_cnn": Recipe(epochs=40, learning_rate=2e-3, temperature=0.5, shift=2, flip=True,
                        bfloat16=True),
    **dict.fromkeys(("cnv", "cnv_w1a2", "cnv_ternary"), Recipe(
        epochs=300, learning_rate=0.005, temperature=0.5, shift=2, flip=True, bfloat16=True)),
    "resnet8": Recipe(epochs=300, learning_rate=0.005, temperature=0.02, shift=2, flip=True,
                      bfloat16=True),
    "text": Recipe(epochs=30, learning_rate=0.005, temperature=0.2, batch=50),
    "text_cnn": Recipe(epochs=30, learning_rate=0.005, temperature=0.2, batch=50),
    "voxels": Recipe(epochs=30, learning_rate=0.01, temperature=1.0),
}
