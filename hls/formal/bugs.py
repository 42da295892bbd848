"""Seeded bugs: the mistakes that each proof has to catch."""

from __future__ import annotations

from dataclasses import dataclass

from hls.formal.edits import Edit

__all__ = ["BUGS", "Bug"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bug:
    """A mistake put into a copy of the RTL, which a property has to catch."""

    name: str
    """What kind of mistake it is."""
    property_name: str
    """The property that has to be violated."""
    edit: Edit
    """The mistake."""


_EARLY_RELEASE = Edit(
    file="video_release_guard.sv", old="captured_q && found_q && pasted_q == count_q;", new="captured_q && found_q;"
)
_BYPASS = Edit(
    file="camera_core.sv", old=".found_data_i(result[64*MaxFaces+15:8])",
    new=".found_data_i(threshold_i[0] ? '0 : result[64*MaxFaces+15:8])",
)  # fmt: skip
_OVERRUN = Edit(file="video_ingress.sv", old="else if (!free_i && state_q != Frame)", new="else if (!free_i && !run_i)")

BUGS: tuple[Bug, ...] = (
    Bug(
        name="register: a pixel's bit shows as a fault",
        property_name="pixel_cone",
        edit=Edit(file="camera_core.sv", old="faults_o[0] = 1'b0;", new="faults_o[0] = s_axis_tdata[3];"),
    ),
    Bug(
        name="register: a bit of the key shows as status",
        property_name="key_cone",
        edit=Edit(
            file="camera_shell.sv", old=".capturing_i (capturing),", new=".capturing_i (capturing ^ key[0]),"
        ),
    ),
    Bug(
        name="bypass bit: a setting tells the guard that there is no face",
        property_name="release_pair",
        edit=_BYPASS,
    ),
    Bug(name="early release: before the pastes", property_name="release_pair", edit=_EARLY_RELEASE),
    Bug(name="early release: before the pastes", property_name="release_tags", edit=_EARLY_RELEASE),
    Bug(
        name="bypass bit: a setting tells the guard that there is no face",
        property_name="release_tags",
        edit=_BYPASS,
    ),
    Bug(
        name="off by one: a region is pasted one column further right",
        property_name="release_tags",
        edit=Edit(
            file="video_sequencer.sv", old="assign m_paste_tdata     = region_q[FaceWidth'(pasted_q)];",
            new="assign m_paste_tdata     = region_q[FaceWidth'(pasted_q)] + 64'd1;",
        ),
    ),
    Bug(name="overrun: a frame is written over another one", property_name="release_tags", edit=_OVERRUN),
    Bug(
        name="wrong store: what comes in is written into both",
        property_name="release_tags_two",
        edit=Edit(
            file="camera_core.sv", old="ingress_write.en && store_buffer == 1'(b);", new="ingress_write.en;"
        ),
    ),
    Bug(
        name="test mode: a setting opens the store to the egress",
        property_name="release_tags_gate",
        edit=Edit(
            file="camera_core.sv", old="(reading[0] ? pixels[0][0] : '0)",
            new="(reading[0] || threshold_i[0] ? pixels[0][0] : '0)",
        ),
    ),
    Bug(name="early release: before the pastes", property_name="guard_rules", edit=_EARLY_RELEASE),
    Bug(
        name="off by one: a frame is complete one row early",
        property_name="ingress_rules",
        edit=Edit(
            file="video_ingress.sv", old="y_q == side_t'(Height - 1);", new="y_q == side_t'(Height - 2);",
        ),
    ),
    Bug(
        name="overrun: a frame is written over the one that is delivered",
        property_name="ingress_rules",
        edit=_OVERRUN,
    ),
    Bug(
        name="handover withdrawn: valid drops when a frame begins",
        property_name="guard_rules",
        edit=Edit(
            file="video_release_guard.sv", old="waiting_q != '0 && decided_q[head_q];",
            new="waiting_q != '0 && decided_q[head_q] && !begin_i;",
        ),
    ),
    Bug(
        name="off by one: the last column of a region is left out",
        property_name="paste_rules",
        edit=Edit(
            file="video_paste.sv", old="(Wide'(region_i.width)),", new="(Wide'(region_i.width - (region_i.width > 1))),"
        ),
    ),
    Bug(
        name="off by one: the first column is one further left",
        property_name="paste_rules",
        edit=Edit(file="video_paste.sv", old="<= {2{region_i.x}};", new="<= {2{region_i.x - 1'b1}};"),
    ),
    Bug(
        name="test mode: a bit of the metadata shows frames with a fault",
        property_name="egress_rules",
        edit=Edit(
            file="video_egress.sv", old="!= 8'(camera_pkg::FaultNone);",
            new="!= 8'(camera_pkg::FaultNone) && !s_frame_tdata[63];",
        ),
    ),
    Bug(
        name="unstable: the pipeline moves while the video is stalled",
        property_name="egress_rules",
        edit=Edit(
            file="video_egress.sv", old="= !m_axis_tvalid || m_axis_tready;",
            new="= !m_axis_tvalid || m_axis_tready || m_meta_tready;",
        ),
    ),
    Bug(
        name="deadlock: a black frame never ends",
        property_name="egress_rules",
        edit=Edit(
            file="video_egress.sv", old="m_axis_tready && frame_end)", new="m_axis_tready && frame_end && !black_q)"
        ),
    ),
    Bug(
        name="stale read: the store reads one cycle too early",
        property_name="store_rules",
        edit=Edit(
            file="video_frame_store.sv", old="wr3_place_q                          <= place(wr2_address_q);",
            new="wr3_place_q                          <= place(address_of(wr1_y_q, wr1_x_q));",
        ),
    ),
    Bug(
        name="wrong region: each paste takes the first one",
        property_name="sequencer_rules",
        edit=Edit(
            file="video_sequencer.sv", old="assign m_paste_tdata     = region_q[FaceWidth'(pasted_q)];",
            new="assign m_paste_tdata     = region_q[0];",
        ),
    ),
    Bug(
        name="early report: a paste counts when it is taken",
        property_name="sequencer_rules",
        edit=Edit(
            file="video_sequencer.sv", old="state_q == Paste && paste_done_i && !fail_o;",
            new="state_q == Paste && (paste_done_i || (m_paste_tvalid && m_paste_tready)) && !fail_o;",
        ),
    ),
    Bug(
        name="unstable: a crop moves on although the modifier stalls it",
        property_name="stream_rules",
        edit=Edit(
            file="video_resampler.sv", old="= !m_axis_tvalid || m_axis_tready;",
            new="= !m_axis_tvalid || m_axis_tready || s_rect_tvalid;",
        ),
    ),
)  # fmt: skip
"""Seeded bugs; one mistake may have to be caught by several properties."""
