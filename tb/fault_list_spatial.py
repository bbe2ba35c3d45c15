"""Faults of the cores around convolutions: the fields of :class:`tb.fault_list.Fault`."""

__all__ = ["SPATIAL_FAULTS"]

_REDUCE = "tb/test_reduce.py::test_matches_golden"
_UP = "tb/test_up_sample.py::test_matches_golden"
_PACE = "tb/test_up_sample.py::test_keeps_pace_with_even_inputs"
_ADD = "tb/test_join.py::test_add"
_CONCATENATE = "tb/test_join.py::test_concatenate"
_FORK = "tb/test_join.py::test_fork_serves_each_at_its_own_pace"
_EMBEDDING = "tb/test_embedding.py::test_matches_golden"
_TIMING = "tb/test_timing.py::test_"

SPATIAL_FAULTS = (
    ("reduce", "hdl/reduce.py", "self.i.ready.eq(free | ~last_tap)", "self.i.ready.eq(free)",
     "all taps wait for the output, not the last alone", _REDUCE + "[number1-2-3-3-max-rtl]"),
    ("reduce", "hdl/reduce.py", "(tap == 0) | (x > so_far)", "x > so_far",
     "the frame before takes part", _REDUCE + "[number2-7-3-2-max-rtl]"),
    ("reduce", "hdl/reduce.py", "self.o.payload[n_last * self._output.width:].eq(0)",
     "self.o.valid.eq(take & last_tap)", "lanes beyond the last channel give numbers",
     _REDUCE + "[number5-5-4-3-sum-rtl]"),
    ("reduce", "hdl/reduce.py", "put.en.eq(take)", "put.en.eq(1)",
     "a beat that was not taken is counted in", _REDUCE + "[number2-7-3-2-max-rtl]"),

    ("up_sample", "hdl/up_sample.py", "self.i.ready.eq(taken != room)", "self.i.ready.eq(1)",
     "an input overwrites one that is still to be repeated",
     _UP + "[number1-size1-5-2-factor1-nearest-0-lut-rtl]"),
    ("up_sample", "hdl/up_sample.py", "m.d.sync += start.eq(following)",
     "m.d.sync += start.eq(address)", "a repetition begins a beat too early",
     _UP + "[number1-size1-5-2-factor1-nearest-0-lut-rtl]"),
    ("up_sample", "hdl/up_sample.py", "Mux(at_end, self._extras[d], final) if self._zeros",
     "final if self._zeros", "zeros follow the last place as they follow the others",
     _UP + "[number4-size4-3-2-2-zeros-extra4-auto-rtl]"),
    ("up_sample", "hdl/up_sample.py", "block if self._zeros else 2 * block", "block",
     "the ring holds one row, which is not enough for even inputs",
     _PACE + "[size2-factor2-nearest]"),

    ("join", "hdl/join.py", "output.valid.eq(self.i.valid & ~taken[k])",
     "output.valid.eq(self.i.valid)", "a fork offers a beat again to who has taken it",
     _ADD + "[number3-other3-5-2-depths3-rtl]"),
    ("join", "hdl/join.py", "takes.eq(taken | Cat(", "takes.eq(Cat(",
     "a fork waits until all take a beat in the same cycle", _FORK),
    ("join", "hdl/join.py", "self.i_0.ready.eq(take), self.i_1.ready.eq(take)",
     "self.i_0.ready.eq(free), self.i_1.ready.eq(free)",
     "a sum takes a beat of one input without the other", _TIMING + "residual_block[4-]"),
    ("join", "hdl/join.py", "total if lane < n_last else Mux(last, 0, total)", "total",
     "lanes beyond the last channel give sums", _ADD + "[number1-other1-7-3-depths1-rtl]"),
    ("join", "hdl/join.py", "starts = list(accumulate(self.beats))[:-1]",
     "starts = list(self.beats)[:-1]", "the turns of all inputs but the first begin too early",
     _CONCATENATE + "[number0-3-3-rtl]"),

    ("embedding", "hdl/embedding.py", "index = Mux(index > last, last, index)", "pass",
     "indices beyond the table show its first entries", _EMBEDDING
     + "[5-7-number1-3-options1-rtl]"),
    ("embedding", "hdl/embedding.py", "self.i.ready.eq(free & (beat == 0))",
     "self.i.ready.eq(free)", "an index is lost in each beat of a row but the first",
     _EMBEDDING + "[5-7-number1-3-options1-rtl]"),
    ("embedding", "hdl/embedding.py", "port.en.eq(step)", "port.en.eq(1)",
     "the output changes while it is stalled", _EMBEDDING + "[5-7-number1-3-options1-rtl]"),

    ("graph_timing", "hdl/graph_timing.py", "self._sent[wire] = not over and",
     "self._sent[wire] = False and", "the model forgets who has taken a beat",
     _TIMING + "concatenation_waits_for_its_turn"),
    ("fifo_depths", "hdl/fifo_depths.py", "            if suffices({edge: middle}):",
     "            if True:", "depths are not tried", _TIMING + "residual_block[4-]"),
    ("fifo_depths", "hdl/fifo_depths.py", "        if suffices(nothing):", "        if False:",
     "an edge that needs no FIFO gets one", _TIMING + "residual_block[4-]"),
    ("fifo_depths", "hdl/fifo_depths.py", "if depth < needed[edge]:", "if depth > needed[edge]:",
     "a FIFO that is too shallow is not named", _TIMING + "residual_block[1-nothing moved for]"),
)
