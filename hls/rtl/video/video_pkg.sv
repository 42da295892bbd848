/// Latencies that the blocks of the video path agree on, in cycles in which their pipeline moves.

package video_pkg;

    // video_frame_store: from the coordinates to the four pixels.
    localparam int unsigned StoreLatency    = 6;
    // video_bilinear: from four pixels and weights to the value.
    localparam int unsigned BilinearLatency = 5;

endpackage
