"""Which modules of a PyTorch model have weights to compress."""

from torch import nn

__all__ = ["WeightedModule", "weighted_modules"]

WeightedModule = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


def weighted_modules(model: nn.Module) -> dict[str, WeightedModule]:
    """Dense layers and convolutions of ``model`` by name, in the order in which it holds them.

    Methods of compression are parametrizations (``torch.nn.utils.parametrize``) of a module's
    ``weight``, one behind the other: what is pruned may be shared or quantised afterwards, and
    ``weight`` always gives what the layer computes with. Raises ValueError if there is none.
    """
    found = {name: module for name, module in model.named_modules()
             if isinstance(module, WeightedModule)}
    if not found:
        raise ValueError("a model to compress must have dense layers or convolutions of torch.nn, "
                         f"but {type(model).__name__} has none")
    return found
