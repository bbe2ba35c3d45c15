"""Which core computes which layer without weights."""

from amaranth.lib import wiring

from golden.activation import Clamp as ClampLayer
from golden.activation import LeakyReLU as LeakyReLULayer
from golden.activation import MultiThreshold as MultiThresholdLayer
from golden.activation import Scale as ScaleLayer
from golden.layer import TopK as TopKLayer
from golden.tabulated import PiecewiseLinear as PiecewiseLinearLayer
from golden.tabulated import Table as TableLayer
from hdl.clamp import Clamp, LeakyReLU
from hdl.multi_threshold import MultiThreshold
from hdl.plan import LayerPlan
from hdl.scale import Scale
from hdl.serial_threshold import SerialThreshold
from hdl.table import PiecewiseLinear, Table
from hdl.topk import TopK

__all__ = ["output_core"]

OutputLayer = (MultiThresholdLayer | ScaleLayer | ClampLayer | LeakyReLULayer | TableLayer
               | PiecewiseLinearLayer | TopKLayer)


def output_core(layer: OutputLayer, plan: LayerPlan, variant: str = "portable"
                ) -> wiring.Component:
    """The core of a layer without weights, an arg-max aside, with ``plan.simd`` lanes.

    Raises ValueError for a plan that the core cannot follow.
    """
    lanes, storage, memory = plan.simd, plan.storage, plan.memory
    match layer:
        case TopKLayer():
            return TopK(layer, lanes=lanes)
        case MultiThresholdLayer():
            kind = SerialThreshold if plan.structure == "serial" else MultiThreshold
            return kind(layer, lanes=lanes, storage=storage, memory=memory, variant=variant)
        case ClampLayer():
            return Clamp(layer, lanes=lanes, storage=storage, memory=memory, variant=variant)
        case TableLayer():
            return Table(layer, lanes=lanes, storage=storage, memory=memory, variant=variant)
        case ScaleLayer():
            return Scale(layer, lanes=lanes, storage=storage, memory=memory, variant=variant,
                         multiplier=plan.multiplier)
        case LeakyReLULayer():
            return LeakyReLU(layer, lanes=lanes, storage=storage, memory=memory, variant=variant,
                             multiplier=plan.multiplier)
        case PiecewiseLinearLayer():
            return PiecewiseLinear(layer, lanes=lanes, storage=storage, memory=memory,
                                   variant=variant, multiplier=plan.multiplier)
