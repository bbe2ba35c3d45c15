"""Faults of the cores behind accumulators: (core, file, old, new, meaning, test)."""

__all__ = ["OUTPUT_FAULTS"]

_SCALE = "tb/test_scale.py::test_"
_SCALE_CHANGES = _SCALE + "parameters_change_between_frames[3]"
_STEPS = "tb/test_multi_threshold.py::test_"
_TABLE = "tb/test_table.py::test_"
_CLAMP = "tb/test_clamp.py::test_"
_TOPK = "tb/test_topk.py::test_matches_golden"
_HARD_WIRED = "tb/test_convolution.py::test_hard_wired_branches"
_FREELY = "tb/test_accelerator.py::test_hard_wired_layers_run_freely"
_MIXED = "tb/test_mixed_network.py::test_"

OUTPUT_FAULTS = (
    # What all elementwise cores share.
    ("elementwise", "hdl/elementwise.py", "advance.eq(~self.o.valid | self.o.ready)",
     "advance.eq(1)", "the output changes while it is stalled",
     _CLAMP + "clamp[1-input_0-None-None-1-rtl]"),
    ("elementwise", "hdl/elementwise.py", "code if lane < n_last else Mux(is_last[-1], 0, code)",
     "code", "padding lanes give numbers", _CLAMP + "clamp[3-input_1-0-None-2-rtl]"),
    ("elementwise", "hdl/elementwise.py", "with m.If(self.i.valid & self.i.ready):",
     "with m.If(self.i.valid):", "beats are counted that were not accepted",
     _SCALE + "matches_golden[3-input_1-output1-5-half_even-saturate-options1-rtl]"),
    ("elementwise", "hdl/elementwise.py", "port.en.eq(advance)", "port.en.eq(1)",
     "the parameters of the next beat while stalled",
     _SCALE + "matches_golden[3-input_1-output1-5-half_even-saturate-options1-rtl]"),
    ("elementwise", "hdl/elementwise.py", "(beat == 0) & ~valid.any()", "1",
     "a write is accepted while frames are in the core",
     _SCALE + "parameters_change_between_frames[1]"),
    ("elementwise", "hdl/elementwise.py", "self.i.ready.eq(advance & ~writing)",
     "self.i.ready.eq(advance)", "a frame is lost during a write", _SCALE_CHANGES),

    # Scale, and the arithmetic that it shares.
    ("scale", "hdl/rounding.py", "return 1 << shift - 1 if shift and rounding != \"floor\" else 0",
     "return 0", "rounds down always", _SCALE + "every_16_bit_input[True-lut-77-9]"),
    ("scale", "hdl/rounding.py", "tie = ~total[:shift].any()", "tie = C(0, 1)",
     "a tie goes up in place of to the even", _SCALE + "every_16_bit_input[True-lut-77-9]"),
    ("scale", "hdl/rounding.py", "Mux(value > number.maximum,", "Mux(value >= number.maximum + 2,",
     "one number too great wraps around", _SCALE + "every_16_bit_input[True-lut-77-9]"),
    ("scale", "hdl/rounding.py", "return value if value.shape().signed else Cat(value, C(0, 1))",
     "return value if value.shape().signed else value",
     "the highest bit of an unsigned product counts as its sign",
     _SCALE + "every_16_bit_input[False-dsp--2-2]"),
    ("scale", "hdl/rounding.py", "terms[-1] = Mux(by[-1], -(x << len(by) - 1), 0)", "pass",
     "the sign of a multiplier in memory counts as a bit",
     _SCALE + "matches_golden[7-input_4-output4-8-half_up-wrap-options4-rtl]"),
    ("scale", "hdl/scale.py", "high + half(layer.shift, layer.rounding), signed=True",
     "high >> 1, signed=True", "the register of sums is a bit too narrow",
     _SCALE + "every_16_bit_input[False-dsp--2-2]"),

    # Multi-thresholds.
    ("multi_threshold", "hdl/multi_threshold.py", "value >= limit", "value > limit",
     "> threshold in place of >=", _STEPS
     + "matches_golden[parallel-3-7-input_3-output3-False-options3-rtl]"),
    ("multi_threshold", "hdl/multi_threshold.py", "C(output.minimum, output.width + 1)",
     "C(0, output.width + 1)", "signed outputs count from 0",
     _STEPS + "matches_golden[parallel-7-11-input_2-output2-False-options2-rtl]"),
    ("multi_threshold", "hdl/multi_threshold.py", "bits.append(reached[size - 1])",
     "bits.append(reached[size - 2])", "a bit of the count from the threshold before",
     _STEPS + "matches_golden[parallel-7-11-input_2-output2-False-options2-rtl]"),
    ("multi_threshold", "hdl/serial_threshold.py", "free.eq(~self.o.valid | self.o.ready)",
     "free.eq(1)", "a result overwrites one that was not taken",
     _STEPS + "matches_golden[serial-3-1-input_4-output4-False-options4-rtl]"),
    ("multi_threshold", "hdl/serial_threshold.py", "row.eq(beat)", "row.eq(0)",
     "all beats search the first one's thresholds below the middle", _STEPS
     + "matches_golden[serial-3-255-input_6-output6-False-options6-rtl]"),
    ("multi_threshold", "hdl/serial_threshold.py", "(~active | finish) & ~writing",
     "~active | finish", "frames slip in during a write",
     _STEPS + "thresholds_change_between_frames"),
    ("multi_threshold", "hdl/serial_threshold.py", "self._left = self._bits",
     "self._left = self._bits + 1", "the model of the handshakes searches a cycle longer",
     _MIXED + "mixed[plans1-1-rtl]"),

    # Tables, clamps, top-k.
    ("table", "hdl/table.py", "words[codes] = layer.output.encode(layer.table)",
     "words[:] = layer.output.encode(layer.table)", "the table in the order of the numbers",
     _TABLE + "table[5-input_1-output1-options1-rtl]"),
    ("table", "hdl/table.py", "middle = len(words) // 2 if layer.input.signed else 0",
     "middle = 0", "the pieces in the order of the numbers",
     _TABLE + "pieces[5-input_1-8-half_up-saturate-options1-rtl]"),
    ("table", "hdl/table.py", "Cat(code[:-1], ~code[-1]) if layer.input.signed else code", "code",
     "one piece counts from 0", _TABLE + "pieces[3-input_0-1-half_even-wrap-options0-rtl]"),
    ("clamp", "hdl/clamp.py", "Mux(value < low, ends[0],", "Mux(value < low, ends[1],",
     "too small becomes the greatest", _CLAMP + "clamp[3-input_1-0-None-2-rtl]"),
    ("clamp", "hdl/clamp.py", "(value > high, ends[1]", "(value > high, ends[0]",
     "too great becomes the least", _CLAMP + "clamp[2-input_3-3-20-2-rtl]"),
    ("clamp", "hdl/clamp.py", "Mux(kept < 0,", "Mux(kept >= 0,", "positive numbers leak",
     _CLAMP + "leaky_relu[5-8-3-3-half_even-options1-rtl]"),
    ("topk", "hdl/topk.py", "(value > kept)", "(value >= kept)", "of equal ones the last",
     _TOPK + "[5-number2-3-2-rtl]"),
    ("topk", "hdl/topk.py", "flag & (beat != 0)", "flag", "numbers of the frame before remain",
     _TOPK + "[5-number2-3-2-rtl]"),
    ("topk", "hdl/topk.py", "Cat(real & (", "Cat((", "padding lanes take part",
     _TOPK + "[5-number2-3-2-rtl]"),

    # In an accelerator.
    ("accelerator", "hdl/narrow.py", "self.i.payload.word_select(lane, width_in)[:width_out]",
     "self.i.payload.word_select(lane, width_out)", "lanes narrowed to the wrong places",
     _MIXED + "mixed[plans0-3-rtl]"),
    ("accelerator", "hdl/credited.py", "depth=self.room", "depth=self.room - 1",
     "a place is promised that the queue does not have", _FREELY),
    ("accelerator", "hdl/credited.py", "self.latency + 1 ", "self.latency ",
     "too few places for every cycle", _FREELY),
    ("accelerator", "hdl/credited.py", "valid & (queue.r_rdy | ~self.o.ready)",
     "valid & ~self.o.ready", "a beat overtakes the queue and is lost", _FREELY),
    ("accelerator", "hdl/credited.py", "valid, payload = enters,", "valid, payload = self.i.valid,",
     "a frame enters twice", _FREELY),
    ("accelerator", "hdl/credited.py", "takers[source] == 1 and", "",
     "a fork is lost inside a row of hard-wired layers", _HARD_WIRED),
)
