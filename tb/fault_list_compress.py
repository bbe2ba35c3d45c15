"""Faults of compression: the fields of :class:`tb.fault_list.Fault`."""

__all__ = ["COMPRESS_FAULTS"]

_MASKING = "tb/test_golden_masking.py::"
_SHARING = "tb/test_golden_sharing.py::"
_LAYER = "tb/test_golden_coded_layer.py::"
_CODED = "tb/test_golden_coded.py::"
_FILE = "tb/test_golden_recipe_file.py::"
_STEPS = "tb/test_golden_compress.py::"

COMPRESS_FAULTS = (
    ("masking", "golden/masking.py", "kept = kept & weight.ne(0)", "kept = kept | weight.ne(0)",
     "nothing is pruned that is not 0", _MASKING + "test_percentile_takes_the_exact_number"),
    ("masking", "golden/masking.py", "chain[0].kept = kept", "chain[0].kept |= kept",
     "a second round leaves the mask as it is", _MASKING + "test_masks_tighten_and_never_loosen"),
    ("masking", "golden/masking.py", '"channel": (1, *kernel)', '"channel": (0, 1, *kernel)',
     "channels of all groups of a grouped convolution go together",
     _MASKING + "test_percentiles_of_groups[grouped-channel]"),
    ("masking", "golden/masking.py", "weight[weight != 0].double()", "weight.double()",
     "the deviation is that of pruned weights, too", _MASKING + "test_deviation_and_threshold"),
    ("masking", "golden/masking.py", "weight.where(self.kept, 0)", "weight * self.kept",
     "a pruned weight that grew beyond all bounds is not a number",
     _MASKING + "test_masks_are_kept_with_the_model"),

    ("sharing", "golden/sharing.py", "_nearest(values, centroids) + 1, 0)",
     "_nearest(values, centroids) + 1, 1)", "pruned weights join the least cluster",
     _SHARING + "test_centroids_get_the_sum_of_their_gradients"),
    ("sharing", "golden/sharing.py", "original.requires_grad_(False)", "original",
     "optimisers go on with the latent weight",
     _SHARING + "test_centroids_get_the_sum_of_their_gradients"),
    ("sharing", "golden/sharing.py", "(np.arange(clusters) + 0.5) / clusters",
     "np.arange(clusters) / clusters", "density starts at the lower ends of its shares",
     _SHARING + "test_first_centroids"),
    ("sharing", "golden/sharing.py", "self.centroids.requires_grad_(False)", "pass",
     "rounded centroids are trained on", _SHARING + "test_integers"),

    ("coded", "golden/coded_layout.py", "np.cumsum((gaps >> bits) + 1)",
     "np.cumsum((gaps > 2**bits) + 1)", "a long run has one filling zero at most",
     _LAYER + "test_relative_indices"),
    ("coded", "golden/coded_layout.py", "values[entries] = member + zero",
     "values[entries] = member", "filling zeros have the place of the first number",
     _LAYER + "test_fillers_come_back"),
    ("coded", "golden/bit_stream.py", "if coded.total < plain.total",
     "if coded.payload < plain.payload", "the table of a Huffman code is not counted",
     _LAYER + "test_streams_come_back"),
    ("coded", "golden/coded_layer.py", "key=lambda layout: layout.bits",
     "key=lambda layout: layout.indices is not None", "every layer is stored as it is",
     _LAYER + "test_sizes_by_hand"),
    ("coded", "golden/coded.py", "pairs.append((others[name], torch.from_numpy(array.copy())))",
     "pass", "batch norm is not restored", _CODED + "test_models_come_back[raw-raw]"),

    ("recipe", "golden/recipe_keys.py", "return kind is bool", "return True",
     "true is a number", _FILE + "test_recipe_numbers_are_no_truth_values"),
    ("recipe", "golden/recipe_steps.py", "step.step.check(layers)", "pass",
     "steps that do not fit the layers are found only after the training",
     _STEPS + "test_steps_know_what_is_factorised"),
    ("recipe", "golden/quantise_steps.py", "if shared and name in free:", "if False:",
     "weights that nothing shares end without a network",
     _STEPS + "test_shared_needs_a_step_share"),
)
