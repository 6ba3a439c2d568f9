"""Every setting of the software, once: command-line options and ROS parameters are made from these."""
