"""Results as ROS messages, without ROS: one set of builders for the node and for bags."""
