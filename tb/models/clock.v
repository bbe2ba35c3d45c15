// A clock made inside the simulation: one that comes from outside costs 15 us a cycle, this 0.2.
`timescale 1ns/1ps
module lutloom_clock (output reg clk);
    initial clk = 0;
    always #1 clk = ~clk;
endmodule
