"""Human-object interaction reconstruction for ROS 2: mesh, 6-DoF object pose and contacts from one camera."""

import pkgutil

# rosidl installs `scorehoi_ros.msg` as a package of the same name in another folder; this joins the two.
__path__ = pkgutil.extend_path(__path__, __name__)

__version__ = "0.1.0"
