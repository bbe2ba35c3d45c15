"""The integer layers a Network is made of: their shapes, kinds of numbers and exact meaning."""

from golden.activation import Clamp, LeakyReLU, MultiThreshold, Scale
from golden.check import check_name, check_number
from golden.convolution import Conv
from golden.embedding import Embedding
from golden.joining import Add, Concatenate
from golden.pooling import Pool
from golden.resampling import UpSample
from golden.selection import ArgMax, TopK
from golden.tabulated import PiecewiseLinear, Table
from golden.weighted import Dense

__all__ = ["Add", "ArgMax", "Clamp", "Concatenate", "Conv", "Dense", "Embedding", "Layer",
           "LeakyReLU", "MultiThreshold", "PiecewiseLinear", "Pool", "Scale", "Table", "TopK",
           "UpSample", "Weighted", "check_name", "check_number"]

Weighted = Dense | Conv
Layer = (Dense | Conv | Pool | Add | Concatenate | UpSample | Embedding | ArgMax | MultiThreshold
         | Scale | Clamp | LeakyReLU | Table | PiecewiseLinear | TopK)
