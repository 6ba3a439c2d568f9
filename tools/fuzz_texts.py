"""Sound calibrations and ROS parameters that the fuzzer damages, of the 64 x 48 pictures."""

ROS = """\
image_width: 64
image_height: 48
camera_name: cam
camera_matrix:
  rows: 3
  cols: 3
  data: [60.5, 0., 31.5, 0., 61.5, 23.5, 0., 0., 1.]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.1, 0.02, 1e-3, -0.002, 0.]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1., 0., 0., 0., 1., 0., 0., 0., 1.]
projection_matrix:
  rows: 3
  cols: 4
  data: [60., 0., 31., 0., 0., 60., 24., 0., 0., 0., 1., 0.]
"""
ECHO = """\
header:
  stamp:
    sec: 1700000000
    nanosec: 5
  frame_id: cam
height: 48
width: 64
distortion_model: equidistant
d:
- -0.1
- 0.02
- 0.001
- -0.002
k:
- 60.5
- 0.0
- 31.5
- 0.0
- 61.5
- 23.5
- 0.0
- 0.0
- 1.0
r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
p: [60.0, 0.0, 32.0, 0.0, 0.0, 60.0, 24.0, 0.0, 0.0, 0.0, 1.0, 0.0]
binning_x: 0
binning_y: 0
roi:
  x_offset: 0
  y_offset: 0
  height: 0
  width: 0
  do_rectify: false
---
"""
OPENCV_YAML = """\
%YAML:1.0
---
calibration_time: "Mon 01 Jan 2024 10:00:00"
image_width: 64
image_height: 48
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 6.05e+01, 0., 3.15e+01, 0.,
       6.15e+01, 2.35e+01, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -1.0e-01, 2.0e-02, 1.0e-03, -2.0e-03, 0. ]
"""
OPENCV_XML = """\
<?xml version="1.0"?>
<opencv_storage>
<image_Width>64</image_Width>
<image_Height>48</image_Height>
<Camera_Matrix type_id="opencv-matrix">
  <rows>3</rows>
  <cols>3</cols>
  <dt>d</dt>
  <data>
    6.05e+01 0. 3.15e+01 0. 6.15e+01 2.35e+01 0. 0. 1.</data></Camera_Matrix>
<Distortion_Coefficients type_id="opencv-matrix">
  <rows>5</rows>
  <cols>1</cols>
  <dt>d</dt>
  <data>
    -1.0e-01 2.0e-02 1.0e-03 -2.0e-03 0.</data></Distortion_Coefficients>
</opencv_storage>
"""
KALIBR = """\
cam0:
  cam_overlaps: []
  camera_model: pinhole
  distortion_coeffs: [-0.1, 0.02, 0.001, -0.002]
  distortion_model: radtan
  intrinsics: [60.5, 61.5, 31.5, 23.5]
  resolution: [64, 48]
  rostopic: /cam0/image_raw
"""
REALSENSE = """\
{"width": 64, "height": 48, "ppx": 31.5, "ppy": 23.5, "fx": 60.5, "fy": 61.5,
 "model": "distortion.brown_conrady", "coeffs": [-0.1, 0.02, 0.001, -0.002, 0.0]}
"""
NERF = """\
{"camera_angle_x": 0.979, "fl_x": 60.5, "fl_y": 61.5, "k1": -0.1, "k2": 0.02, "p1": 0.001, "p2": -0.002,
 "is_fisheye": false, "cx": 31.5, "cy": 23.5, "w": 64.0, "h": 48.0, "frames": [{"file_path": "a.png"}]}
"""
YAMLS = tuple(text.encode() for text in (ROS, ECHO, OPENCV_YAML, KALIBR))
XMLS = (OPENCV_XML.encode(),)
JSONS = (REALSENSE.encode(), NERF.encode())
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
