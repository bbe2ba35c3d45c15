"""How a folded core takes the groups of a convolution, each with weights and inputs of its own."""

from dataclasses import dataclass

from golden.layer import Conv, Dense, Weighted

__all__ = ["Grouping", "divisor"]


def divisor(n: int, most: int) -> int:
    """The greatest divisor of n that is at most ``most``."""
    return next(lanes for lanes in range(min(most, n), 0, -1) if n % lanes == 0)


@dataclass(frozen=True)
class Grouping:
    """What :class:`hdl.folded_dense.FoldedDense` is given for a layer.

    layer : whose rows take the inputs of their own group alone
    pe, simd : neurons and inputs of a unit a cycle
    groups : of rows; units : groups at once; share : channels of a group
    """

    layer: Dense
    pe: int
    simd: int
    groups: int = 1
    units: int = 1
    share: int = 1

    @classmethod
    def of(cls, layer: Weighted, pe: int, simd: int) -> "Grouping":
        """Of a layer's own groups, with at most ``pe`` neurons and ``simd`` inputs a cycle.

        pe becomes a divisor of a group's rows, or of several groups at once, as many as divide
        the groups. Those take whole pixels: with a simd of less there is but one at once.
        """
        own, groups = layer.own, layer.groups if isinstance(layer, Conv) else 1
        if groups == 1:
            return cls(own, pe, simd)
        rows, share, simd = own.n_out // groups, layer.weights.shape[1], min(simd, own.n_in)
        units = divisor(groups, max(pe // rows, 1)) if simd >= share else 1
        if units > 1:
            simd -= simd % share
        return cls(own, divisor(rows, pe), simd, groups, units, share)

    @property
    def sets(self) -> int:
        """Frames of the core in a window."""
        return self.groups // self.units

    @property
    def cycles(self) -> int:
        """Cycles a window."""
        passes = -(-self.layer.n_out // self.groups // self.pe)
        return self.sets * passes * -(-self.layer.n_in // self.simd)

    @property
    def lanes_in(self) -> int:
        """Channels of a set in a beat in front of the window: as many as divide them."""
        return divisor(self.units * self.share, self.units * self.simd)

    @property
    def lanes_out(self) -> int:
        """Outputs a beat."""
        return self.units * self.pe
