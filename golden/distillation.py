"""The loss of a small network that learns from a large one.

Source: G. Hinton et al., "Distilling the knowledge in a neural network", NIPS workshop 2014,
arXiv:1503.02531.
"""

import math
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

__all__ = ["Distillation", "distillation_loss"]


@dataclass(frozen=True)
class Distillation:
    """How a step of compression learns from the float network.

    temperature : T, greater than 0; weight : 0 to 1, see ``distillation_loss``
    """

    temperature: float = 4.0
    weight: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise ValueError("temperature must be greater than 0 and finite, not "
                             f"{self.temperature}")
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight must be from 0 to 1, not {self.weight}")


def distillation_loss(student_scores: Tensor, teacher_scores: Tensor, labels: Tensor,
                      temperature: float, weight: float) -> Tensor:
    """``weight * T**2 * KL(teacher || student) + (1 - weight) * cross entropy``, a scalar.

    Means over the batch. The distributions of the divergence are softmax(scores / T), those of the
    cross entropy with the labels softmax(scores). No gradient reaches the teacher.

    student_scores, teacher_scores : (batch, classes)
    labels : (batch,) int64
    temperature : T, greater than 0
    weight : 0 to 1

    Raises ValueError for other shapes and ranges and for scores that are not finite.
    """
    Distillation(temperature, weight)  # checks them
    shape = tuple(student_scores.shape)
    if len(shape) != 2 or not student_scores.numel():
        raise ValueError(f"student_scores must have shape (batch, classes), not {shape}")
    if teacher_scores.shape != shape:
        raise ValueError(f"teacher_scores must have the shape of student_scores, {shape}, not "
                         f"{tuple(teacher_scores.shape)}")
    if labels.shape != shape[:1]:
        raise ValueError(f"labels must have shape {shape[:1]}, not {tuple(labels.shape)}")
    for name, scores in (("student_scores", student_scores), ("teacher_scores", teacher_scores)):
        if not scores.isfinite().all():
            raise ValueError(f"{name} must be finite")
    divergence = functional.kl_div((student_scores / temperature).log_softmax(1),
                                   (teacher_scores.detach() / temperature).log_softmax(1),
                                   reduction="batchmean", log_target=True)
    hard = functional.cross_entropy(student_scores, labels)
    return weight * temperature**2 * divergence + (1 - weight) * hard
