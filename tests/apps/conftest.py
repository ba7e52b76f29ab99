"""The running control plane for these tests."""

from tests.control_plane import control_socket, open_plane, plane, shared

__all__ = ["control_socket", "open_plane", "plane", "shared"]
