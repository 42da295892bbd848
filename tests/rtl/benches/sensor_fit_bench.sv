/// `sensor_fit` between two streams without marks: each beat carries its own, tuser and tlast above the data.

`default_nettype none

module sensor_fit_bench #(
    parameter int unsigned SourceWidth  = 1280,
    parameter int unsigned SourceHeight = 720,
    parameter int unsigned Width        = 320,
    parameter int unsigned Height       = 240,
    parameter int unsigned Factor       = 2,
    parameter int unsigned Every        = 1,
    parameter bit          Bayer        = 1'b0,
    parameter bit          RedColumn    = 1'b0,
    parameter bit          RedRow       = 1'b0
) (
    input  wire logic        clk_i,
    input  wire logic        rst_ni,
    input  wire logic [25:0] s_axis_tdata,
    input  wire logic        s_axis_tvalid,
    output wire logic        s_axis_tready,
    output wire logic [25:0] m_axis_tdata,
    output wire logic        m_axis_tvalid,
    input  wire logic        m_axis_tready
);

    sensor_fit #(
        .SourceWidth (SourceWidth),
        .SourceHeight(SourceHeight),
        .Width       (Width),
        .Height      (Height),
        .Factor      (Factor),
        .Every       (Every),
        .Bayer       (Bayer),
        .RedColumn   (RedColumn),
        .RedRow      (RedRow)
    ) u_fit (
        .clk_i,
        .rst_ni,
        .s_axis_tdata (s_axis_tdata[(Bayer ? 8 : 24)-1:0]),
        .s_axis_tvalid,
        .s_axis_tready,
        .s_axis_tuser (s_axis_tdata[24]),
        .s_axis_tlast (s_axis_tdata[25]),
        .m_axis_tdata (m_axis_tdata[23:0]),
        .m_axis_tvalid,
        .m_axis_tready,
        .m_axis_tuser (m_axis_tdata[24]),
        .m_axis_tlast (m_axis_tdata[25])
    );

endmodule

`default_nettype wire
