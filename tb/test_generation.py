"""Large networks are generated in bounded time and memory, their weights as memory contents."""

import json
import subprocess
import sys

from golden.checkpoint import load_checkpoint, zoo_path
from golden.lower import lower

# A process of its own, so that its time and memory can be told from those of other tests.
CHILD = """
import json, resource, sys
from pathlib import Path
from golden.network import Network
from hdl.accelerator import Accelerator
from hdl.planner import plan_for_cycles
from hdl.verilog import write_verilog
network = Network.load(sys.argv[1])
files = write_verilog(Accelerator(network, plan_for_cycles(network, 1000)), Path(sys.argv[2]),
                      memory_files=True)
use = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({"seconds": sum(u.ru_utime + u.ru_stime for u in use),
                  "kilobytes": max(u.ru_maxrss for u in use),
                  "sizes": [path.stat().st_size for path in files]}))
"""


def test_lfc(tmp_path) -> None:
    """2.9 million weights: under 30 s of processor time and 2 GiB, contents in memory files."""
    model, _ = load_checkpoint(zoo_path("lfc"))
    network = lower(model)
    network.save(tmp_path / "lfc.npz")
    printed = subprocess.run([sys.executable, "-c", CHILD, tmp_path / "lfc.npz",
                              tmp_path / "rtl/top.v"], check=True, capture_output=True, text=True)
    cost = json.loads(printed.stdout)
    assert cost["seconds"] < 30
    assert cost["kilobytes"] < 2 * 1024**2
    weights = sum(layer.weight_bits for layer in network.layers)
    assert weights == 2_910_208
    assert sum(cost["sizes"][1:]) > weights  # one binary digit a bit
