"""Faults of quantisers and what trains beside them: (core, file, old, new, meaning, test)."""

__all__ = ["QUANTISE_FAULTS"]

_FIXED = "tb/test_golden_fixed.py::test_"
_QUANTISERS = "tb/test_golden_quantisers.py::test_"
_QUANTISED = "tb/test_golden_quantised.py::test_"
_LEARNT = "tb/test_golden_learnt_step.py::test_"
_INCREMENTAL = "tb/test_golden_incremental.py::test_"
_DISTILLATION = "tb/test_golden_distillation.py::test_"
_LOW_RANK = "tb/test_golden_low_rank.py::test_"
_ACTIVATIONS = "tb/test_golden_activations.py::test_"
_LEARNT_CODES = "tb/test_golden_float_net.py::test_learnt_steps_are_exact"
_COMPRESS = "tb/test_golden_compress.py::test_"

QUANTISE_FAULTS = (
    ("quantisers", "golden/quantise.py", "codes += x_scaled.sub_(codes) >= 0.5",
     "codes += x_scaled.sub_(codes) > 0.5", "a half goes down", _ACTIVATIONS
     + "observes_and_then_rounds"),
    ("quantisers", "golden/quantise.py", "codes[(x_scaled == 0) & (x < 0)] = -1", "pass",
     "what is below 0 and vanishes is no longer below 0",
     _FIXED + "tensors_are_quantised_as_arrays[fixed7.-64-floor-saturate-dtype1]"),
    ("quantisers", "golden/quantise.py", "torch.where(inside, codes - ratio, codes)",
     "codes - ratio", "a learnt step grows with what is beyond its range",
     _LEARNT + "learnt_step"),
    ("quantisers", "golden/learnt_step.py", "(n * high)**-0.5", "1.0",
     "the gradient of a learnt step is not scaled", _LEARNT + "learnt_step"),
    ("quantisers", "golden/learnt_step.py", "ldexp(round(ldexp(mantissa, bits)), exponent - bits)",
     "ldexp(mantissa, exponent)", "codes times a learnt step are rounded",
     _LEARNT + "learnt_steps_have_exact_products[8]"),
    ("quantisers", "golden/quantisers.py", "rows.abs().amax(1)", "rows.amax(1)",
     "negative weights do not count for the range",
     _QUANTISERS + "forward_follows_the_definition[channels]"),
    ("quantisers", "golden/quantisers.py", "(mantissa >= 0.75)", "(mantissa > 0.75)",
     "one and a half of a power of two becomes the lower one",
     _QUANTISERS + "powers_of_two_have_the_papers_range[4]"),
    ("quantisers", "golden/quantisers.py", "magnitude.double() >= step / 2",
     "magnitude.double() >= step", "below the least power of two all is 0",
     _QUANTISERS + "powers_of_two_have_the_papers_range[4]"),
    ("quantisers", "golden/quantisers.py", "if self.stochastic and self.training",
     "if self.stochastic", "signs are drawn in eval mode",
     _QUANTISERS + "stochastic_signs_are_drawn_in_training_only"),
    ("quantisers", "golden/quantisers.py", "for part in filter(quantises, chain):",
     "for part in ():", "a second quantiser is taken", _QUANTISED + "rejects"),
    ("quantisers", "golden/quantised.py", "for part in chain[:-1]:", "for part in ():",
     "integers of weights that a mask has pruned", _QUANTISED + "behind_a_mask[<lambda>0]"),
    ("quantisers", "golden/ternary.py", "np.where(codes < 0, -negative, 0)",
     "np.where(codes < 0, -positive, 0)", "one scale for both signs",
     "tb/test_golden_ternary.py::test_learnt_scales_become_a_codebook"),
    ("quantisers", "golden/fixed.py", "common &= -common", "pass",
     "a step that is no power of two", _FIXED + "whole_multiples"),

    ("incremental", "golden/incremental.py",
     "torch.where(self.frozen.isnan(), weight, self.frozen)",
     "torch.where(self.frozen.isnan(), weight, self.frozen + weight - weight.detach())",
     "a gradient reaches frozen weights", _INCREMENTAL + "frozen_weights_outlast_training"),
    ("incremental", "golden/incremental.py", "weight = weight.clamp(-top, top)", "pass",
     "powers beyond those of the first share", _INCREMENTAL
     + "the_range_is_that_of_the_first_share"),
    ("incremental", "golden/incremental.py", "descending=True", "descending=False",
     "the least magnitudes are frozen first", _INCREMENTAL + "the_greatest_are_frozen_first"),
    ("incremental", "golden/incremental.py", "(~free | (weight != 0)).sum()",
     "torch.ones_like(free).sum()", "what a mask has pruned counts for the share",
     _INCREMENTAL + "frozen_weights_outlast_training"),

    ("distillation", "golden/distillation.py", "weight * temperature**2 * divergence",
     "weight * divergence", "the teacher's part shrinks as the temperature rises",
     _DISTILLATION + "follows_the_definition[4.0-0.9]"),
    ("distillation", "golden/distillation.py", "teacher_scores.detach()", "teacher_scores",
     "the teacher learns, too", _DISTILLATION + "follows_the_definition[4.0-0.9]"),
    ("distillation", "golden/distillation.py", 'reduction="batchmean"', 'reduction="sum"',
     "the divergence grows with the batch",
     _DISTILLATION + "follows_the_definition[1.0-0.5]"),

    ("low_rank", "golden/low_rank.py", "left[:, :rank] * root", "left[:, :rank]",
     "singular values count half", _LOW_RANK
     + "an_integer_matrix_of_that_rank_comes_back[12-20-3-False]"),
    ("low_rank", "golden/low_rank.py", "second.bias = dense.bias", "pass", "a random bias",
     _LOW_RANK + "an_integer_matrix_of_that_rank_comes_back[12-20-3-False]"),
    ("low_rank", "golden/low_rank.py", "(values**2).cumsum(0)", "values.cumsum(0)",
     "the energy is the sum of values instead of squares", _LOW_RANK + "energy[0.5-1]"),
    ("low_rank", "golden/low_rank.py", "if weights >= prod(shape)", "if weights > prod(shape)",
     "a rank that saves nothing is taken",
     _LOW_RANK + "rejects[<lambda>-layer body.0: rank 4 needs 64 weights, not fewer than the 64 "
     "there are; take a rank below 4]"),

    ("activations", "golden/activations.py",
     "torch.maximum(self.greatest, x.detach().abs().max())", "x.detach().abs().max()",
     "the last values alone give the range", _ACTIVATIONS + "observes_and_then_rounds"),
    ("activations", "golden/activations.py", "x = x.relu()", "pass",
     "unsigned activations let negative values pass at first",
     _ACTIVATIONS + "observes_and_then_rounds"),
    ("activations", "golden/activations.py", "activation.observe()", "pass",
     "a second calibration changes nothing", _ACTIVATIONS + "calibration_and_state"),
    ("activations", "golden/activations.py", "model.train(was_training)", "model.train()",
     "calibration leaves a model in training mode", _ACTIVATIONS + "calibration_and_state"),
    ("activations", "golden/lower_float.py", "(code - Fraction(1, 2))", "code",
     "codes of learnt steps are rounded down", _LEARNT_CODES + "[spec0-3-False]"),

    ("steps", "golden/quantise_steps.py", "if codebook.fixed is None and (", "if (",
     "a later step rounds codebooks again",
     _COMPRESS + "codebooks_are_rounded_once[first0-second0-expected0]"),
    ("steps", "golden/quantise_steps.py", "not self.layers or name in self.layers", "True",
     "a step rounds codebooks of layers that it does not name",
     _COMPRESS + "codebooks_are_rounded_once[first0-second0-expected0]"),
    ("steps", "golden/compress_steps.py", "pruning = Pruning(self.by, self.amount,",
     "pruning = Pruning(self.by, 0,", "a percentile of 120 is found only after the training",
     _COMPRESS + "wrong_values_are_refused[step0-(prune): Pruning: amount must be from 0 to 100 by "
     "percentile, not 120]"),
)
