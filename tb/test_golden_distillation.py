"""Distillation: the loss by hand, its ends, its gradient, and what it refuses."""

import re
from decimal import Decimal, localcontext
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from golden.distillation import distillation_loss

LABELS = torch.tensor([2, 0, 1])


def draw(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    student, teacher = (torch.tensor(rng.normal(0, 3, (3, 4))) for _ in range(2))
    return student.requires_grad_(), teacher.requires_grad_()


def softmax(scores: list[float], temperature: float) -> list[Decimal]:
    powers = [(Decimal(score) / Decimal(temperature)).exp() for score in scores]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("temperature, weight", [(1.0, 0.5), (4.0, 0.9), (0.5, 0.25), (20.0, 1.0)])
def test_follows_the_definition(temperature: float, weight: float, rng: np.random.Generator
                                ) -> None:
    """By fifty decimals; float64 sums of twelve terms agree when both are rounded to float32."""
    student, teacher = draw(rng)
    with localcontext(prec=50):
        divergence = hard = Decimal(0)
        for s, t, label in zip(student.tolist(), teacher.tolist(), LABELS.tolist(), strict=True):
            divergence += sum(p * (p.ln() - q.ln()) for p, q in zip(
                softmax(t, temperature), softmax(s, temperature), strict=True))
            hard -= softmax(s, 1.0)[label].ln()
        expected = (Decimal(weight) * Decimal(temperature)**2 * divergence
                    + (1 - Decimal(weight)) * hard) / 3
    loss = distillation_loss(student, teacher, LABELS, temperature, weight)
    assert np.float32(loss.item()) == np.float32(float(expected))
    loss.backward()
    assert teacher.grad is None and student.grad is not None and student.grad.all()


def test_ends(rng: np.random.Generator) -> None:
    student, teacher = draw(rng)
    hard = functional.cross_entropy(student, LABELS)
    assert distillation_loss(student, teacher, LABELS, 3.0, 0.0) == hard
    assert distillation_loss(student, student, LABELS, 3.0, 1.0) == 0  # nothing left to learn
    assert distillation_loss(student, student + 0.0, LABELS, 3.0, 0.5) == hard / 2
    assert distillation_loss(student, teacher, LABELS, 3.0, 1.0) > 0


def test_teaches_without_labels(rng: np.random.Generator) -> None:
    """With weight 1 the student's answers become the teacher's, whatever the labels."""
    student, teacher = draw(rng)
    optimiser = torch.optim.SGD([student], 0.5)
    for _ in range(50):
        optimiser.zero_grad()
        distillation_loss(student, teacher, LABELS, 2.0, 1.0).backward()
        optimiser.step()
    assert torch.equal(student.argmax(1), teacher.argmax(1))


SCORES = torch.zeros(3, 4)


@pytest.mark.parametrize("changes, message", [
    ({"temperature": 0.0}, "temperature must be greater than 0 and finite, not 0.0"),
    ({"temperature": nan}, "temperature must be greater than 0 and finite, not nan"),
    ({"temperature": inf}, "temperature must be greater than 0 and finite, not inf"),
    ({"weight": 1.5}, "weight must be from 0 to 1, not 1.5"),
    ({"weight": nan}, "weight must be from 0 to 1, not nan"),
    ({"student_scores": SCORES[0]}, "student_scores must have shape (batch, classes), not (4,)"),
    ({"student_scores": SCORES[:0]}, "student_scores must have shape (batch, classes), not (0, 4)"),
    ({"teacher_scores": SCORES[:2]},
     "teacher_scores must have the shape of student_scores, (3, 4), not (2, 4)"),
    ({"labels": SCORES}, "labels must have shape (3,), not (3, 4)"),
    ({"student_scores": SCORES + nan}, "student_scores must be finite"),
    ({"teacher_scores": SCORES - inf}, "teacher_scores must be finite"),
])
def test_rejects(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"student_scores": SCORES, "teacher_scores": SCORES,
                                 "labels": LABELS, "temperature": 2.0, "weight": 0.5}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        distillation_loss(**arguments | changes)
