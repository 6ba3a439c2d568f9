"""Sound calibrations and ROS parameters that the fuzzer damages."""

from calibration_files import FILES


def calibrations(*suffixes: str) -> tuple[bytes, ...]:
    """The texts of calibration files with one of these suffixes."""
    return tuple(text.encode() for name, text in FILES.items() if name.endswith(suffixes))


PARAMETERS = (
    b"""\
/**:
  ros__parameters:
    use_sim_time: false
    object: "box:0.3x0.2x0.1"
    object_up: [0.0, 0.0, 1.0]
    camera: "60,60,31.5,23.5"
    image_topic: /cam/image_raw
    camera_info_timeout_s: 1.5
    human_mask_ids: [1.0, 2.0]
    gravity_frame: ""
    method: fit
    fit:
      first_iterations: 20
""",
)
