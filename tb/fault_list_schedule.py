"""Faults of scheduled layers and of the write bus: (core, file, old, new, meaning, test)."""

__all__ = ["SCHEDULE_FAULTS"]

_DENSE = "tb/test_scheduled_dense.py::test_"
_MATCHES = _DENSE + "matches_golden"
_BUS = "tb/test_write_bus.py::test_"

SCHEDULE_FAULTS = (
    ("scheduled_dense", "hdl/scheduled_dense.py", "released.eq(stages[0].end & advance)",
     "released.eq(ended)", "a frame is given up before its last input is read",
     _MATCHES + "[0-False]"),
    ("scheduled_dense", "hdl/scheduled_dense.py", "(held != 2) | released", "(held != 2)",
     "an input waits a cycle longer than it must", _MATCHES + "[0-False]"),
    ("scheduled_dense", "hdl/scheduled_dense.py", "advance.eq(~(last.start & (complete == 2)))",
     "advance.eq(1)", "a third frame of results overwrites the first", _MATCHES + "[0-False]"),
    ("scheduled_dense", "hdl/scheduled_dense.py",
     "real.eq(~last if k >= schedule.lanes_out - padding else 1)", "real.eq(1)",
     "lanes beyond the last output give numbers", _MATCHES + "[3-False]"),
    ("scheduled_dense", "hdl/scheduled_element.py", "first_4.eq(self.start_3 | fresh)",
     "first_4.eq(self.start_3)", "a row is added to the one before", _MATCHES + "[3-False]"),
    ("scheduled_dense", "hdl/scheduled_element.py", "slot_5.eq(slot_4)", "slot_5.eq(slot)",
     "results lie in the place of the next but one", _MATCHES + "[3-False]"),
    ("scheduled_dense", "hdl/scheduled_element.py",
     "Cat(place[schedule.lane_bits:], self.half)", "Cat(place[schedule.lane_bits:], 0)",
     "every frame is computed from the first half of the inputs", _MATCHES + "[3-False]"),
    ("scheduled_dense", "hdl/scheduled_element.py", "subtract = subtract and len(pairs[-1]) == 1",
     "subtract = False", "the sign of a factor of an odd width is lost", _MATCHES + "[5-False]"),
    ("scheduled_dense", "hdl/schedule_words.py", "int(place == used[-1])",
     "int(place == used[0])", "a row ends after its first product", _MATCHES + "[3-False]"),
    ("scheduled_dense", "hdl/schedule.py", "np.argsort(-loads", "np.argsort(loads",
     "the shortest rows are given out first", _DENSE + "schedule_is_balanced"),
    ("scheduled_dense", "hdl/schedule.py", "reach = self._reach + (0", "reach = 1 + (0",
     "accumulators are too small for other weights", _DENSE + "accumulators_hold_any_weights"),
    ("scheduled_dense", "hdl/scheduled_element.py", "return x * weight",
     "return (x * weight)[:-1].as_signed() + 0 * x", "multiplier blocks lose the highest bit",
     _DENSE + "multiplier_blocks[rtl]"),
    ("scheduled_dense", "hdl/scheduled_dense.py", "self.write.ready.eq(~(",
     "self.write.ready.eq(1 | ~(", "a write is accepted while a frame is computed",
     _DENSE + "weights_change_between_frames[kind0-False-1]"),

    ("write_bus", "hdl/write_bus.py", "hold.eq(is_open & (beat_in == 0))", "hold.eq(0)",
     "frames begin during a transaction", _BUS + "no_frame_meets_two_networks[scheduled-rtl]"),
    ("write_bus", "hdl/write_bus.py", "may_write.eq(is_open & (inside == 0))",
     "may_write.eq(is_open)", "a layer is written while frames are in another",
     _BUS + "no_frame_meets_two_networks[folded-rtl]"),
    ("write_bus", "hdl/write_bus.py", "m.d.sync += self.error.eq(1)",
     "m.d.sync += self.error.eq(~is_open)", "addresses outside the map set no flag",
     _BUS + "refuses[rtl]"),
    ("write_bus", "hdl/write_bus.py", "& (self._word(region) < region.words)", "",
     "words beyond a memory's last are written", _BUS + "refuses[rtl]"),
    ("write_bus", "hdl/write_bus.py", "is_open | ~reduce(or_, hits)", "reduce(or_, hits)",
     "data outside a transaction are no error", _BUS + "refuses[rtl]"),
    ("write_bus", "hdl/address_map.py", "word >> DATA_WIDTH * piece", "word",
     "every piece of a word is its lowest", _BUS + "map"),
)
