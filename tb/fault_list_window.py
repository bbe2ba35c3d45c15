"""Faults of the cores that make windows: (core, file, old, new, meaning, test)."""

__all__ = ["WINDOW_FAULTS"]

_SLIDING = "tb/test_sliding_window.py::test_"
_PARALLEL = "tb/test_parallel_window.py::test_"

WINDOW_FAULTS = (
    ("sliding_window", "hdl/sliding_window.py", "received > Mux(zero, 0, source)",
     "received >= Mux(zero, 0, source)", "a tap is read a cycle before its pixel is in",
     _SLIDING + "matches_golden[8-rtl]"),
    ("sliding_window", "hdl/sliding_window.py", "Mux(zero, 0, source)", "Mux(zero, -1, source)",
     "zeros come before the frame they belong to", _SLIDING + "matches_golden[0-rtl]"),
    ("sliding_window", "hdl/sliding_window.py", "Mux(leaving, low, int(places[0]))", "low",
     "pixels are given up that a row of windows above the border shares with the next",
     _SLIDING + "matches_golden[0-rtl]"),
    ("sliding_window", "hdl/sliding_window.py", "filled == self._unit - 1",
     "filled == self._unit - 2", "a line is used before its last beat is in",
     _SLIDING + "matches_golden[11-rtl]"),
    ("sliding_window", "hdl/sliding_window.py", "shift % slots for shift in beats",
     "-shift % slots for shift in beats", "reflected pixels are read beside their place",
     _SLIDING + "matches_golden[4-rtl]"),
    ("sliding_window", "hdl/window_logic.py", "elements = [Cat(C(1, 1), ~element)",
     "elements = [Cat(C(1, 1), element)", "-1 and +1 are exchanged where zeros are among them",
     _SLIDING + "matches_golden[0-rtl]"),
    ("sliding_window", "hdl/window_order.py", "return int((-(-ends // groups) - self.kept).max())",
     "return int((-(-ends // groups) - self.kept).max()) + 1", "a pixel more is kept than must be",
     _SLIDING + "memory_is_the_least_of_the_rate"),
    ("sliding_window", "hdl/window_order.py", "needs * groups + 1 - steps",
     "needs * groups - steps", "a pixel less is kept than must be",
     _SLIDING + "memory_is_the_least_of_the_rate"),
    ("sliding_window", "hdl/window_order.py", "leaving[..., None] & leaves", "leaves",
     "rows are given up in planes that the next window needs",
     _SLIDING + "keeps_what_windows_need"),

    ("parallel_window", "hdl/line_window.py", "low + (Mux(leaves, word, 0)", "low + (word",
     "pixels are given up that the next row of windows needs", _PARALLEL + "matches_golden[0-rtl]"),
    ("parallel_window", "hdl/line_window.py", "for place in places], lines, banks)",
     "for place in places], 0, banks)", "every frame is read from the banks of the first",
     _PARALLEL + "matches_golden[2-rtl]"),
    ("parallel_window", "hdl/line_window.py", "whole.eq(put & (filled == line - 1))",
     "whole.eq(put & (filled == line - 2))", "a line is a word too short",
     _PARALLEL + "matches_golden[3-rtl]"),
    ("parallel_window", "hdl/line_window.py", "received > needed + word",
     "received >= needed + word", "a column is read a cycle before it is in",
     _PARALLEL + "matches_golden[1-rtl]"),
    ("parallel_window", "hdl/parallel_window.py", ".reshape(self.geometry.kernel[::-1]).T.ravel()",
     "", "taps are counted column by column", _PARALLEL + "matches_golden[2-rtl]"),
    ("parallel_window", "hdl/parallel_window.py",
     "(word[n * self._pixel + j] if carries else C(0, 1)) | stage", "stage",
     "rows beyond the border are no zeros", _PARALLEL + "matches_golden[0-rtl]"),
    ("parallel_window", "hdl/parallel_window.py", "self.stages[k].banks += 1\n",
     "break\n", "bursts hold up the input", _PARALLEL + "keeps_more_lines_for_bursts"),
)
