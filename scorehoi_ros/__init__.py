"""Human-object interaction reconstruction for ROS 2: mesh, 6-DoF object pose and contacts from one camera."""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

# rosidl installs `scorehoi_ros.msg` as a package of the same name in another folder; this joins the two.
__path__ = pkgutil.extend_path(__path__, __name__)

__version__ = "0.1.0"

if TYPE_CHECKING:
    from scorehoi_ros.config.pipeline import PipelineConfig
    from scorehoi_ros.load import load_pipeline
    from scorehoi_ros.types import Box, Camera, Frame, Masks, Prompt, Reconstruction, Status

__all__ = [
    "Box",
    "Camera",
    "Frame",
    "Masks",
    "PipelineConfig",
    "Prompt",
    "Reconstruction",
    "Status",
    "load_pipeline",
]

# Imported when they are asked for: the command line must start without torch and cv2, and in a workspace this
# file stands beside the messages alone.
_HOME = dict.fromkeys(__all__, "scorehoi_ros.types") | {
    "PipelineConfig": "scorehoi_ros.config.pipeline",
    "load_pipeline": "scorehoi_ros.load",
}


def __getattr__(name: str) -> Any:
    """The face of the package, from the modules that hold it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
