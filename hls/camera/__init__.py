"""The camera's top module, generated from one configuration and the interfaces of two networks."""

from __future__ import annotations

from hls.camera.design import write_camera
from hls.camera.top import TOP_MODULE, camera_sources, render_top

__all__ = ["TOP_MODULE", "camera_sources", "render_top", "write_camera"]
