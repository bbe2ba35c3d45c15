// Behaviour of RAMB18E1 and RAMB36E1 in the modes that Yosys's memory mapping emits for Amaranth.
//
// Yosys's own cells_sim.v has their timing only. Modelled after the 7 Series FPGAs Memory Resources
// User Guide (UG473): true and simple dual port, widths 1, 2, 4, 9, 18, 36, 72, byte enables, and
// READ_FIRST, in which a read gives the word before a write of the same cycle. Other write modes,
// resets, output registers, inverted clocks and cascades end the simulation with a message.

`define DECLARE(p) p``0 = 256'd0, p``1 = 256'd0, p``2 = 256'd0, p``3 = 256'd0, \
    p``4 = 256'd0, p``5 = 256'd0, p``6 = 256'd0, p``7 = 256'd0, p``8 = 256'd0, p``9 = 256'd0, \
    p``A = 256'd0, p``B = 256'd0, p``C = 256'd0, p``D = 256'd0, p``E = 256'd0, p``F = 256'd0
`define JOIN(p) p``F, p``E, p``D, p``C, p``B, p``A, p``9, p``8, \
    p``7, p``6, p``5, p``4, p``3, p``2, p``1, p``0

// Two ports on one memory of bytes with a parity bit each; index 0 is port A, 1 is port B.
// Addresses count bits, data are without parity; a width of 0 is an unused direction.
module lutloom_block_ram #(
    parameter integer BYTES = 4096,
    parameter [8 * BYTES - 1:0] DATA = 0,
    parameter [BYTES - 1:0] PARITY = 0,
    parameter [1:0][31:0] READ_WIDTH = 0,
    parameter [1:0][31:0] WRITE_WIDTH = 0
) (
    input [1:0] clk, en, rst,
    input [1:0][14:0] addr,
    input [1:0][7:0] we,
    input [1:0][63:0] di,
    input [1:0][7:0] dip,
    output [1:0][63:0] dout,
    output [1:0][7:0] doutp
);
    function automatic integer data_bits(input [31:0] width);
        data_bits = width >= 9 ? int'(width / 9 * 8) : int'(width);
    endfunction

    function automatic integer bytes(input [31:0] width);
        bytes = width >= 9 ? int'(width / 9) : 1;
    endfunction

    localparam integer INDEX = $clog2(BYTES);

    reg [8:0] mem [0:BYTES - 1];
    integer k;
    initial for (k = 0; k < BYTES; k = k + 1) mem[k] = {PARITY[k], DATA[8 * k +: 8]};

    for (genvar p = 0; p < 2; p = p + 1) begin : port
        localparam integer WRITTEN = bytes(WRITE_WIDTH[p]), READ = bytes(READ_WIDTH[p]);
        localparam [7:0] NARROW = 8'((1 << data_bits(WRITE_WIDTH[p])) - 1);

        reg [71:0] q = 0;
        assign {doutp[p], dout[p]} = q;

        // Bytes of one access start at a multiple of their number.
        wire [INDEX - 1:0] write_base = addr[p][INDEX + 2:3] & ~INDEX'(WRITTEN - 1);
        wire [INDEX - 1:0] read_base = addr[p][INDEX + 2:3] & ~INDEX'(READ - 1);

        if (WRITE_WIDTH[p] != 0) begin : writes
            always @(posedge clk[p]) if (en[p]) begin
                for (integer b = 0; b < WRITTEN; b = b + 1) if (we[p][b]) begin
                    if (WRITE_WIDTH[p] >= 9)
                        mem[write_base + INDEX'(b)] <= {dip[p][b], di[p][8 * b +: 8]};
                    else
                        mem[write_base][7:0] <= (mem[write_base][7:0] & ~(NARROW << addr[p][2:0]))
                                              | ((di[p][7:0] & NARROW) << addr[p][2:0]);
                end
            end
        end

        if (READ_WIDTH[p] != 0) begin : reads
            always @(posedge clk[p]) if (en[p]) begin
                if (rst[p]) $fatal(1, "block RAM: resets are not modelled");
                for (integer b = 0; b < READ; b = b + 1) begin
                    if (READ_WIDTH[p] >= 9)
                        {q[64 + b], q[8 * b +: 8]} <= mem[read_base + INDEX'(b)];
                    else
                        q[7:0] <= 8'(mem[read_base][7:0] >> addr[p][2:0])
                                & 8'((1 << READ_WIDTH[p]) - 1);
                end
            end
        end
    end
endmodule

// What the two primitives share: N data and P parity pins a port, addresses up to bit BITS, SIZE
// bytes. In simple dual port, A reads, B writes, and the widest word takes the pins of both.
`define PRIMITIVE(N, P, BITS, SIZE, CONTENT, CONTENTP) \
    localparam SDP = RAM_MODE == "SDP"; \
    initial if (DOA_REG != 0 || DOB_REG != 0 || IS_CLKARDCLK_INVERTED || IS_CLKBWRCLK_INVERTED) \
        $fatal(1, "block RAM: output registers and inverted clocks are not modelled"); \
    initial if (WRITE_WIDTH_A != 0 && WRITE_MODE_A != "READ_FIRST" \
                || WRITE_WIDTH_B != 0 && WRITE_MODE_B != "READ_FIRST") \
        $fatal(1, "block RAM: no write mode but READ_FIRST is modelled"); \
    wire [1:0][63:0] dout; \
    wire [1:0][7:0] doutp; \
    localparam WIDE_READ = SDP && READ_WIDTH_A == 2 * (N + P); \
    localparam WIDE_WRITE = SDP && WRITE_WIDTH_B == 2 * (N + P); \
    lutloom_block_ram #( \
        .BYTES(SIZE), .DATA({CONTENT}), .PARITY({CONTENTP}), \
        .READ_WIDTH({READ_WIDTH_B, READ_WIDTH_A}), \
        .WRITE_WIDTH({WRITE_WIDTH_B, WRITE_WIDTH_A}) \
    ) ram ( \
        .clk({CLKBWRCLK, CLKARDCLK}), \
        .en({ENBWREN ^ IS_ENBWREN_INVERTED, ENARDEN ^ IS_ENARDEN_INVERTED}), \
        .rst({RSTRAMB ^ IS_RSTRAMB_INVERTED, RSTRAMARSTRAM ^ IS_RSTRAMARSTRAM_INVERTED}), \
        .addr({15'(ADDRBWRADDR[BITS:0]), 15'(ADDRARDADDR[BITS:0])}), \
        .we({8'(WEBWE), SDP ? 8'd0 : 8'(WEA)}), \
        .di({WIDE_WRITE ? 64'({DIBDI, DIADI}) : 64'(DIBDI), 64'(DIADI)}), \
        .dip({WIDE_WRITE ? 8'({DIPBDIP, DIPADIP}) : 8'(DIPBDIP), 8'(DIPADIP)}), \
        .dout(dout), .doutp(doutp)); \
    assign {DOPADOP, DOADO} = {doutp[0][P - 1:0], dout[0][N - 1:0]}; \
    assign {DOPBDOP, DOBDO} = WIDE_READ \
        ? {doutp[0][P +: P], dout[0][N +: N]} \
        : {doutp[1][P - 1:0], dout[1][N - 1:0]};

`define PARAMETERS \
    parameter integer DOA_REG = 0, DOB_REG = 0, READ_WIDTH_A = 0, READ_WIDTH_B = 0, \
    parameter integer WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0, \
    parameter [71:0] INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0, \
    parameter INIT_FILE = "NONE", RAM_MODE = "TDP", SIM_COLLISION_CHECK = "ALL", \
    parameter RDADDR_COLLISION_HWCONFIG = "DELAYED_WRITE", SIM_DEVICE = "VIRTEX6", \
    parameter RSTREG_PRIORITY_A = "RSTREG", RSTREG_PRIORITY_B = "RSTREG", \
    parameter WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST", \
    parameter [0:0] IS_CLKARDCLK_INVERTED = 0, IS_CLKBWRCLK_INVERTED = 0, \
    parameter [0:0] IS_ENARDEN_INVERTED = 0, IS_ENBWREN_INVERTED = 0, \
    parameter [0:0] IS_RSTRAMARSTRAM_INVERTED = 0, IS_RSTRAMB_INVERTED = 0, \
    parameter [0:0] IS_RSTREGARSTREG_INVERTED = 0, IS_RSTREGB_INVERTED = 0

`define CONTROLS \
    input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB, \
    input RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB

module RAMB18E1 #(
    parameter [255:0] INITP_00 = 0, INITP_01 = 0, INITP_02 = 0, INITP_03 = 0,
    parameter [255:0] INITP_04 = 0, INITP_05 = 0, INITP_06 = 0, INITP_07 = 0,
    parameter [255:0] `DECLARE(INIT_0), `DECLARE(INIT_1), `DECLARE(INIT_2), `DECLARE(INIT_3),
    `PARAMETERS
) (
    `CONTROLS,
    input [13:0] ADDRARDADDR, ADDRBWRADDR,
    input [15:0] DIADI, DIBDI,
    input [1:0] DIPADIP, DIPBDIP, WEA,
    input [3:0] WEBWE,
    output [15:0] DOADO, DOBDO,
    output [1:0] DOPADOP, DOPBDOP
);
    localparam [16383:0] CONTENT = {`JOIN(INIT_3), `JOIN(INIT_2), `JOIN(INIT_1), `JOIN(INIT_0)};
    localparam [2047:0] CONTENTP = {INITP_07, INITP_06, INITP_05, INITP_04,
                                    INITP_03, INITP_02, INITP_01, INITP_00};
    `PRIMITIVE(16, 2, 13, 2048, CONTENT, CONTENTP)
endmodule

module RAMB36E1 #(
    parameter [255:0] `DECLARE(INITP_0),
    parameter [255:0] `DECLARE(INIT_0), `DECLARE(INIT_1), `DECLARE(INIT_2), `DECLARE(INIT_3),
    parameter [255:0] `DECLARE(INIT_4), `DECLARE(INIT_5), `DECLARE(INIT_6), `DECLARE(INIT_7),
    parameter RAM_EXTENSION_A = "NONE", RAM_EXTENSION_B = "NONE", EN_ECC_READ = "FALSE",
    parameter EN_ECC_WRITE = "FALSE",
    `PARAMETERS
) (
    `CONTROLS,
    input CASCADEINA, CASCADEINB, INJECTDBITERR, INJECTSBITERR,
    input [15:0] ADDRARDADDR, ADDRBWRADDR,
    input [31:0] DIADI, DIBDI,
    input [3:0] DIPADIP, DIPBDIP, WEA,
    input [7:0] WEBWE,
    output CASCADEOUTA, CASCADEOUTB, DBITERR, SBITERR,
    output [31:0] DOADO, DOBDO,
    output [3:0] DOPADOP, DOPBDOP,
    output [7:0] ECCPARITY,
    output [8:0] RDADDRECC
);
    localparam [32767:0] CONTENT = {
        `JOIN(INIT_7), `JOIN(INIT_6), `JOIN(INIT_5), `JOIN(INIT_4),
        `JOIN(INIT_3), `JOIN(INIT_2), `JOIN(INIT_1), `JOIN(INIT_0)};
    localparam [4095:0] CONTENTP = {`JOIN(INITP_0)};
    initial if (RAM_EXTENSION_A != "NONE" || RAM_EXTENSION_B != "NONE")
        $fatal(1, "block RAM: cascades are not modelled");
    assign {CASCADEOUTA, CASCADEOUTB, DBITERR, SBITERR, ECCPARITY, RDADDRECC} = 0;
    `PRIMITIVE(32, 4, 14, 4096, CONTENT, CONTENTP)
endmodule
