"""Faults that somebody could make in a core, each with the tests that must notice it."""

from typing import NamedTuple

from tb.fault_list_axi import AXI_FAULTS
from tb.fault_list_boards import BOARD_FAULTS
from tb.fault_list_compress import COMPRESS_FAULTS
from tb.fault_list_link import LINK_FAULTS
from tb.fault_list_outputs import OUTPUT_FAULTS
from tb.fault_list_quantise import QUANTISE_FAULTS
from tb.fault_list_schedule import SCHEDULE_FAULTS
from tb.fault_list_sparse import SPARSE_FAULTS
from tb.fault_list_spatial import SPATIAL_FAULTS
from tb.fault_list_window import WINDOW_FAULTS

__all__ = ["FAULTS", "Fault"]


class Fault(NamedTuple):
    """``old`` occurs once in ``file``; with ``new`` in its place ``test`` must fail.

    core: where it belongs; meaning: the fault in words; test: a node of pytest.
    """
    core: str
    file: str
    old: str
    new: str
    meaning: str
    test: str


_POPCOUNT = "tb/test_popcount.py::test_matches_golden"
_LEVELS = "tb/test_popcount.py::test_latency_is_depth_over_levels[3-3]"
_HARDWIRED = "tb/test_hardwired_dense.py::test_matches_golden"
_HARDWIRED_KINDS = "tb/test_hardwired_dense.py::test_weight_kinds"
_FOLDED = "tb/test_folded_dense.py::test_matches_golden"
_KINDS = "tb/test_folded_dense.py::test_weight_kinds"
_OTHERS = "tb/test_folded_dense.py::test_other_kinds_can_be_written"
_WRITTEN = "tb/test_folded_dense.py::test_weights_can_be_written"
_CHANGED = "tb/test_folded_dense.py::test_weights_change_between_frames"
_CONVERTER = "tb/test_lane_converter.py::test_matches_golden"
_FIFO = "tb/test_fifo.py::test_keeps_order_and_holds_depth"
_ARGMAX = "tb/test_argmax.py::test_matches_golden"
_CONVOLUTION = "tb/test_convolution.py::"
_ACCELERATOR = "tb/test_accelerator.py::"

FAULTS = (
    # Popcount, and the pipeline that it shares with HardwiredDense.
    Fault("popcount", "hdl/popcount.py", "for bit in logic.inputs]", "for bit in logic.inputs[1:]]",
          "the first bit is not counted", _POPCOUNT + "[1-1-portable-rtl]"),
    Fault("popcount", "hdl/pipeline.py", "advance.eq(~self.o.valid | self.o.ready)",
          "advance.eq(1)", "the output changes while it is stalled",
          _POPCOUNT + "[1-1-portable-rtl]"),
    Fault("popcount", "hdl/pipeline.py", "advance.eq(~self.o.valid | self.o.ready)",
          "advance.eq(self.o.ready)", "valid waits for ready", _POPCOUNT + "[1-1-portable-rtl]"),
    Fault("popcount", "hdl/pipeline.py", "valid = Signal(self.latency)",
          "valid = Signal(self.latency + 1)", "valid comes a cycle after the data",
          _POPCOUNT + "[1-1-portable-rtl]"),
    Fault("popcount", "hdl/pipeline.py", "valid = Signal(self.latency)",
          "valid = Signal(self.latency, reset_less=True)", "a reset leaves frames in the pipeline",
          _POPCOUNT + "[1-1-portable-rtl]"),

    # Bit heaps.
    Fault("heap", "hdl/heap.py", "carry_in = 1 if subtract else 0", "carry_in = 0",
          "two's complement without the added one",
          _HARDWIRED + "[1-1-number0-True-1-portable-rtl]"),
    Fault("heap", "hdl/heap.py", "1 ^ digit(*b)) if subtract", "digit(*b)) if subtract",
          "the subtrahend is not inverted", _HARDWIRED + "[1-1-number0-True-1-portable-rtl]"),
    Fault("heap", "hdl/heap.py", "self.put(column + len(shape), carry)",
          "self.put(column + len(shape) - 1, carry)", "a carry-out in the column below its own",
          _POPCOUNT + "[64-2-portable-rtl]"),
    Fault("heap", "hdl/heap.py", ".bit_length() > len(shape):", ".bit_length() > len(shape) + 1:",
          "a carry-out is taken for always zero", _POPCOUNT + "[64-2-portable-rtl]"),
    Fault("heap", "hdl/heap.py", "< 1 << end - c:", "<= 1 << end - c:",
          "a function in a chain may exceed its positions by one",
          _POPCOUNT + "[64-2-portable-rtl]"),

    # Emission and schedule of logic graphs.
    Fault("logic_block", "hdl/logic_block.py", "for k, literal in enumerate(lut.inputs)}",
          "for k, literal in enumerate(reversed(lut.inputs))}",
          "xc7: LUT pins in reverse of INIT", _POPCOUNT + "[13-3-xc7-rtl]"),
    Fault("logic_block", "hdl/logic_block.py", "C(0, 1) if k else read(driver.carry_in)",
          "C(0, 1)", "xc7: the carry-in is lost", _POPCOUNT + "[2-1-xc7-rtl]"),
    Fault("logic_block", "hdl/logic_block.py", "i_CI=carry[-1]", "i_CI=C(0, 1)",
          "xc7: a chain breaks after four bits", _POPCOUNT + "[64-1-xc7-rtl]"),
    Fault("logic_block", "hdl/logic_block.py", "return [*total[:n], carry[n]]",
          "return [*total[:n], carry[-1]]", "xc7: the carry-out of the padding, not of the chain",
          _POPCOUNT + "[2-1-xc7-rtl]"),
    Fault("logic_block", "hdl/logic_block.py", "Cat(C(1, 1), data)", "Cat(C(0, 1), data)",
          "portable: the carry-in is lost", _POPCOUNT + "[3-2-portable-rtl]"),
    Fault("logic_block", "hdl/logic_block.py", "return ~top | _expression(high, rest)",
          "return top | _expression(high, rest)", "portable: an inverter is lost",
          _POPCOUNT + "[7-1-portable-rtl]"),
    Fault("logic_block", "hdl/logic_block.py", "with m.If(self.enable):", "with m.If(1):",
          "pipeline registers load while they are not enabled", _POPCOUNT + "[1-1-portable-rtl]"),
    Fault("logic_block", "hdl/logic_block.py", "if depth == self._levels:",
          "if depth == self._levels + 1:", "a level too many between registers", _LEVELS),

    # HardwiredDense.
    Fault("hardwired_dense", "hdl/dense_logic.py",
          "int(correction[row]) - threshold)", "int(correction[row]) - threshold - 1)",
          "> threshold in place of >=", _HARDWIRED + "[1-1-number0-True-1-portable-rtl]"),
    Fault("hardwired_dense", "hdl/dense_logic.py", "int(threshold <= low[row])",
          "int(threshold < low[row])", "a threshold that is always reached never is",
          _HARDWIRED + "[3-7-number5-True-2-xc7-rtl]"),
    Fault("hardwired_dense", "hdl/sign_logic.py", "(True, True): low ^ 1}",
          "(True, True): low}", "half of an odd sum rounded the wrong way",
          _HARDWIRED + "[1-2-number2-False-2-xc7-rtl]"),
    Fault("hardwired_dense", "hdl/unsigned_form.py", "number.minimum, number.signed)",
          "number.minimum, False)", "signed inputs taken as unsigned",
          _HARDWIRED + "[3-7-number5-True-2-xc7-rtl]"),
    Fault("hardwired_dense", "hdl/sign_logic.py", "self.maximum(item).bit_length())",
          "self.maximum(item).bit_length() - 1)", "a shared sum loses its highest bit",
          _HARDWIRED + "[31-17-number9-False-2-xc7-rtl]"),
    Fault("hardwired_dense", "hdl/sign_logic.py", "low = self.total[0] ^ constant & 1",
          "low = self.total[0]", "the lowest bit of raw accumulators without their constant",
          _HARDWIRED + "[1-1-number1-False-1-xc7-rtl]"),
    Fault("hardwired_kinds", "hdl/digit_logic.py", "literal ^ negative)", "literal)",
          "what is taken away is not inverted",
          _HARDWIRED_KINDS + "[5-4-number6-True-kind6-0.5-xc7-rtl]"),
    Fault("hardwired_kinds", "hdl/digit_logic.py", "(-own - (1 << len(word)) + 1 if negative",
          "(-own - (1 << len(word)) if negative", "two's complement without the added one",
          _HARDWIRED_KINDS + "[17-5-number7-False-kind7-0.1-portable-rtl]"),
    Fault("hardwired_kinds", "hdl/digit_logic.py", "row * self._places + place", "row * "
          "self._places", "all digits at the lowest one's place",
          _HARDWIRED_KINDS + "[5-4-number6-True-kind6-0.5-xc7-rtl]"),
    Fault("hardwired_kinds", "hdl/sharing.py", "turned = {i: 1, j: sign}", "turned = {i: 1, j: 1}",
          "what is shared with signs turned round is added",
          _HARDWIRED_KINDS + "[29-11-number3-True-kind3-0.5-xc7-rtl]"),

    # FoldedDense: control.
    Fault("folded_dense", "hdl/folded_dense.py", "(~first_pass | (fresh != 0))",
          "(~first_pass | (taken != 0))", "a beat is used before it has come",
          _FOLDED + "[2-3-number2-False-2-1-options2-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "self.i.ready.eq((taken != slots)",
          "self.i.ready.eq((fresh != slots)", "a frame is overwritten that is still in use",
          _FOLDED + "[2-3-number2-False-2-1-options2-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "upper.eq(upper ^ last_pass)", "upper.eq(0)",
          "the second frame is computed from the first one's inputs",
          _FOLDED + "[1-1-number0-True-1-1-options0-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "get.en.eq(step)", "get.en.eq(1)",
          "the input memory reads on while the pipeline stands",
          _FOLDED + "[1-1-number0-True-1-1-options0-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "weight.en.eq(step)", "weight.en.eq(advance)",
          "weights run ahead of inputs that come late",
          _FOLDED + "[2-3-number2-False-2-1-options2-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "preload.en.eq(advance & ",
          "preload.en.eq(", "the preload of the next pass while stalled",
          _FOLDED + "[2-3-number2-False-2-1-options2-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py",
          "advance.eq(~(ends & self.o.valid & ~self.o.ready))", "advance.eq(1)",
          "a result overwrites one that was not taken",
          _FOLDED + "[1-1-number0-True-1-1-options0-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py",
          "advance.eq(~(ends & self.o.valid & ~self.o.ready))",
          "advance.eq(~self.o.valid | self.o.ready)", "stops earlier than it must",
          _FOLDED + "[5-7-number4-True-3-2-options4-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "with m.Elif(self.o.ready):", "with m.Else():",
          "valid is withdrawn while stalled", _FOLDED + "[1-1-number0-True-1-1-options0-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "beats + 2 + self._delay",
          "beats + 3 + self._delay", "the promised latency is one too many",
          _FOLDED + "[1-1-number0-True-1-1-options0-rtl]"),

    # FoldedDense: numbers.
    Fault("folded_dense", "hdl/folded_dense.py", "(folding.beats - 1) * folding.simd",
          "(folding.beats - 1) * folding.simd + 1", "the first padding lane is not masked",
          _FOLDED + "[3-2-number3-True-1-2-options3-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "C(folding.layer.n_in & 1, 1)", "C(0, 1)",
          "raw accumulators of an odd number of inputs come out even",
          _FOLDED + "[5-7-number5-False-7-5-options5-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "folding.rows % folding.pe or folding.pe",
          "folding.pe", "neurons beyond the last give numbers",
          _FOLDED + "[2-3-number2-False-2-1-options2-rtl]"),
    Fault("folded_dense", "hdl/folding.py", "-1 << width - 1 if self.never_fires else 0",
          "0", "neurons beyond the last can answer 1",
          _FOLDED + "[5-7-number4-True-3-2-options4-rtl]"),
    Fault("folded_dense", "hdl/folding.py", "(constant - layer.thresholds) // self",
          "(constant - layer.thresholds - 1) // self", "> threshold in place of >=",
          _FOLDED + "[1-1-number0-True-1-1-options0-rtl]"),
    Fault("folded_dense", "hdl/folding.py", ".transpose(0, 2, 1, 3)", "",
          "weight words in the order neuron, beat",
          _FOLDED + "[2-3-number2-False-2-1-options2-rtl]"),
    Fault("folded_dense", "hdl/folded_logic.py", " ^ weights[..., 2:whole:3]", "",
          "a parity of two weights in place of three",
          _FOLDED + "[5-7-number5-False-7-5-options5-rtl]"),
    Fault("folded_dense", "hdl/folded_logic.py", "new if f else old", "old if f else new",
          "the accumulator starts where it should go on",
          _FOLDED + "[1-1-number0-True-1-1-options0-rtl]"),
    Fault("folded_dense", "hdl/folded_sum.py", "self.enable & self.valid", "self.valid",
          "a sum is added again in every stalled cycle",
          _FOLDED + "[2-3-number2-False-2-1-options2-rtl]"),

    # FoldedDense: kinds of weights.
    Fault("folded_kinds", "hdl/folded_products.py", "return other & (bit ^ negative)",
          "return bit ^ negative", "a ternary 0 counts", _KINDS + "[7-5-number1-False-kind1-2-3-"
          "options1-rtl]"),
    Fault("folded_kinds", "hdl/folded_products.py", "top_term if signed and c == len(w) - 1",
          "top_term if signed and c == len(w) - 2", "another bit than the top one is the sign",
          _KINDS + "[6-5-number6-True-kind6-2-4-options6-rtl]"),
    Fault("folded_kinds", "hdl/folding.py", "return constant if self.has_parity else constant",
          "return constant - 1 if self.has_parity else constant",
          "the parity of an odd row", _KINDS + "[7-5-number1-False-kind1-2-3-options1-rtl]"),
    Fault("folded_kinds", "hdl/folding.py", "constant += layer.bias", "constant -= layer.bias",
          "biases are taken away", _KINDS + "[7-5-number1-False-kind1-2-3-options1-rtl]"),
    Fault("folded_kinds", "hdl/folded_dense.py", "0 if folding.dsp else folding.form.flip_top",
          "folding.form.flip_top", "with multiplier blocks the padding counts",
          _KINDS + "[5-3-number15-True-kind15-2-2-options15-rtl]"),
    Fault("folded_kinds", "hdl/folded_products.py", "literal ^ 1 ^ (index >> b & 1)",
          "literal ^ (index >> b & 1)", "inputs go to the entry of the inverted index",
          _KINDS + "[7-5-number11-False-kind11-2-3-options11-rtl]"),
    Fault("folded_kinds", "hdl/bins.py", "for k, entry in enumerate(self.entries) if entry or not",
          "for k, entry in enumerate(self.entries) if entry and not",
          "no accumulators for entries that are known",
          _KINDS + "[7-5-number11-False-kind11-2-3-options11-rtl]"),
    Fault("folded_kinds", "hdl/folded_bins.py", "(self.entry_address == k)",
          "(self.entry_address == k + 1)", "entries are written one too low",
          _OTHERS + "[number3-True-kinds3-options3-rtl]"),

    # FoldedDense: writes.
    Fault("folded_dense", "hdl/folded_dense.py", "number=names.index(name)", "number=0",
          "a write reaches the other memory",
          _WRITTEN + "[number0-True-lut-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "self.write.ready.eq(~busy & between_frames)",
          "self.write.ready.eq(1)", "a write is accepted while frames are in the core",
          _CHANGED + "[number0-True-2-3-4-options0-rtl]"),
    Fault("folded_dense", "hdl/parameters.py", "write.valid & write.ready &", "write.valid &",
          "a word is written before its write is accepted",
          _CHANGED + "[number2-False-4-5-1-options2-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py", "(put.addr == 0) | (put.addr == folding.beats)",
          "(put.addr == 0)", "every second frame slips in during a write",
          _CHANGED + "[number0-True-2-3-4-options0-rtl]"),
    Fault("folded_dense", "hdl/folded_dense.py",
          " | Cat(stage.valid for stage in stages).any()", "",
          "a write is accepted while the last sums are on their way",
          _CHANGED + "[number1-True-9-11-1-options1-rtl]"),
    Fault("folded_dense", "hdl/folding.py", "self.worst_case = worst_case",
          "self.worst_case = False",
          "accumulators are too small for other weights", _WRITTEN + "[number3-False-lut-rtl]"),

    # LutRom.
    Fault("rom", "hdl/rom.py", "with m.If(self.en):", "with m.If(1):",
          "the word changes while the ROM is not enabled",
          _FOLDED + "[16-8-number9-False-8-4-options9-rtl]"),
    Fault("rom", "hdl/rom.py", "table >> k * size", "table >> ((1 << taken) - 1 - k) * size",
          "the quarters of a deep ROM in reverse",
          _FOLDED + "[21-13-number15-True-1-1-options15-rtl]"),
    Fault("rom", "hdl/rom.py", "(word >> j & 1) << k", "(word >> j & 1) << len(words) - 1 - k",
          "the words in reverse", _FOLDED + "[16-8-number9-False-8-4-options9-rtl]"),

    # LaneConverter.
    Fault("lane_converter", "hdl/lane_converter.py", "add.eq(Mux(last, self._last, self._take))",
          "add.eq(self._take)", "the next frame starts within a beat",
          _CONVERTER + "[1-3-1-2-rtl]"),
    Fault("lane_converter", "hdl/lane_converter.py", "self.i.ready.eq(level + add <= capacity)",
          "self.i.ready.eq(level + add < capacity)", "the buffer is never quite filled",
          _CONVERTER + "[1-3-1-2-rtl]"),
    Fault("lane_converter", "hdl/lane_converter.py", "Mux(last, 0, element)", "element",
          "padding of the last input beat comes out", _CONVERTER + "[3-2-2-2-rtl]"),
    Fault("lane_converter", "hdl/lane_converter.py", "give.eq(self.o.valid & self.o.ready)",
          "give.eq(self.o.valid)", "elements move on while the output is stalled",
          _CONVERTER + "[1-3-1-2-rtl]"),
    Fault("lane_converter", "hdl/lane_converter.py", "with m.If(self.i.valid & self.i.ready):",
          "with m.If(self.i.valid):", "beats are counted that were not accepted",
          _CONVERTER + "[3-2-2-3-rtl]"),
    Fault("lane_converter", "hdl/lane_converter.py", "beat = Signal(range(self._beats_in))",
          "beat = Signal(range(self._beats_in), reset_less=True)",
          "a reset within a frame shifts all later ones", _CONVERTER + "[3-2-2-3-rtl]"),

    # StreamFIFO.
    Fault("fifo", "hdl/fifo.py", "depth=self._depth)\n", "depth=self._depth - 1)\n",
          "one word fewer fits", _FIFO + "[7-3-rtl]"),
    Fault("fifo", "hdl/timing.py", "return 1 if depth <= 2 else 2",
          "return 1 if depth <= 3 else 2", "the promised latency is one too few",
          _FIFO + "[7-3-rtl]"),
    Fault("fifo", "hdl/fifo.py", "self.i.ready.eq(~spare.valid)", "self.i.ready.eq(1)",
          "a word is accepted when full", _FIFO + "[8-2-rtl]"),
    Fault("fifo", "hdl/fifo.py", "spare.valid.eq(0)]", "spare.valid.eq(spare.valid)]",
          "the second register is never emptied", _FIFO + "[8-2-rtl]"),
    Fault("fifo", "hdl/fifo.py",
          "with m.If(~self.o.valid | self.o.ready):\n            m.d.comb += self.i.ready.eq(1)",
          "with m.If(self.o.ready):\n            m.d.comb += self.i.ready.eq(1)",
          "an empty register waits for ready", _FIFO + "[1-1-rtl]"),

    # ArgMax.
    Fault("argmax", "hdl/argmax.py", "first | (value > best)", "first | (value >= best)",
          "of equal ones in several beats the last", _ARGMAX + "[2-number2-1-3-rtl]"),
    Fault("argmax", "hdl/argmax.py", "(right[1] > left[1])", "(right[1] >= left[1])",
          "of equal ones in a beat the last", _ARGMAX + "[2-number3-2-1-rtl]"),
    Fault("argmax", "hdl/argmax.py", "right[0] & (right[1] > left[1])", "right[1] > left[1]",
          "padding lanes take part", _ARGMAX + "[1-number1-3-1-rtl]"),
    Fault("argmax", "hdl/argmax.py", "code.as_signed() if signed else code", "code",
          "signed numbers compared as unsigned", _ARGMAX + "[2-number2-1-3-rtl]"),
    Fault("argmax", "hdl/argmax.py", "first.eq(is_last)", "first.eq(0)",
          "the second frame meets the best of the first", _ARGMAX + "[2-number2-1-3-rtl]"),
    Fault("argmax", "hdl/argmax.py", "first = Signal(init=1)",
          "first = Signal(init=1, reset_less=True)",
          "after a reset within a frame the old best remains", _ARGMAX + "[5-number5-1-4-rtl]"),

    # Accelerator, and the models of timing behind its promises.
    Fault("accelerator", "hdl/accelerator.py",
          "return first_output([self._timing()])",
          "return sum(stage.latency for stage in self.stages.values())",
          "latencies added up as if nobody stopped anybody",
          _ACCELERATOR + "test_back_pressure_inside"),
    Fault("accelerator", "hdl/accelerator.py", "for stage in self._stages.values())\n",
          "for stage in self._stages.values() if stage.name in self.cores)\n",
          "the interval forgets the lane converters", _ACCELERATOR + "test_plans[3-folded4-rtl]"),
    Fault("accelerator", "hdl/accelerator.py", "StreamFIFO(tensor.width, plan.fifo)",
          "StreamFIFO(tensor.width, plan.fifo + 1)", "FIFOs deeper than planned",
          _ACCELERATOR + "test_layers_are_built_as_planned"),
    Fault("accelerator", "hdl/stages.py",
          "HardwiredDense(dense, levels=levels, variant=variant)",
          "HardwiredDense(dense, levels=levels)", "a layer is not built in the planned variant",
          _ACCELERATOR + "test_layers_are_built_as_planned"),
    Fault("accelerator", "hdl/accelerator.py", "if dense and not fork_edges(self._sources):",
          "if dense:", "branches around dense layers have no FIFOs",
          _CONVOLUTION + "test_dense_branches"),
    Fault("accelerator", "hdl/accelerator.py", "lanes=last.flat_lanes", "lanes=last.lanes",
          "positions leave with gaps between them",
          _CONVOLUTION + "test_padded_pool[rtl]"),
    Fault("accelerator", "hdl/stages.py",
          "pad = number.minimum if layer.operation == \"max\" else None", "pad = None",
          "the greatest of negative values and of zeros beyond the border",
          _CONVOLUTION + "test_padded_pool[rtl]"),
    Fault("accelerator", "hdl/accelerator.py", "tap.valid.eq(core.o.valid & core.o.ready)",
          "tap.valid.eq(core.o.valid)", "a tap shows a stalled beat again and again",
          _ACCELERATOR + "test_fifos"),
    Fault("accelerator", "hdl/accelerator.py",
          "if \"write\" in core.signature.members:\n                wiring.connect(",
          "if name == \"dense_0\" and \"write\" in core.signature.members:\n"
          "                wiring.connect(", "only the first layer's writes are connected",
          _ACCELERATOR + "test_weights_can_be_written"),
    Fault("accelerator", "hdl/timing.py", "return self._taken < 2 * self._beats",
          "return self._taken < 3 * self._beats", "the model of a folded layer buffers a third "
          "frame", _ACCELERATOR + "test_back_pressure_inside"),

    # Thresholds, scales, tables, clamps, top-k.
    *(Fault(*fault) for fault in OUTPUT_FAULTS),

    # Scheduled layers, and the bus through which all layers are written.
    *(Fault(*fault) for fault in SCHEDULE_FAULTS),

    # Sliding windows.
    *(Fault(*fault) for fault in WINDOW_FAULTS),

    # What stands around convolutions, and the streams that fork and join.
    *(Fault(*fault) for fault in SPATIAL_FAULTS),

    # Compressed and sparse cores.
    *(Fault(*fault) for fault in SPARSE_FAULTS),

    # Quantisers of float models, and what trains beside them.
    *(Fault(*fault) for fault in QUANTISE_FAULTS),

    # The host link.
    *(Fault(*fault) for fault in LINK_FAULTS),

    # Pruning, sharing and coding of float models.
    *(Fault(*fault) for fault in COMPRESS_FAULTS),

    # PLLs, projects and tools of boards.
    *(Fault(*fault) for fault in BOARD_FAULTS),

    # Accelerators on a processor's bus.
    *(Fault(*fault) for fault in AXI_FAULTS),
)
