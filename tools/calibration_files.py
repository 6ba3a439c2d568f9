"""Calibration files as calibrators, drivers and data sets write them, all of one 640 x 480 camera."""

WIDTH, HEIGHT = 640, 480
ROS = """\
image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [600.5, 0., 320.25, 0., 601.5, 240.75, 0., 0., 1.]
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
  data: [590., 0., 320., 0., 0., 590., 240., 0., 0., 0., 1., 0.]
"""
ECHO = """\
header:
  stamp:
    sec: 1700000000
    nanosec: 5
  frame_id: camera_color_optical_frame
height: 480
width: 640
distortion_model: plumb_bob
d:
- -0.1
- 0.02
- 0.001
- -0.002
- 0.0
k:
- 600.5
- 0.0
- 320.25
- 0.0
- 601.5
- 240.75
- 0.0
- 0.0
- 1.0
r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
p: [590.0, 0.0, 320.0, 0.0, 0.0, 590.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
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
image_width: 640
image_height: 480
flags: 0
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 6.0050000000000000e+02, 0., 3.2025000000000000e+02, 0.,
       6.0150000000000000e+02, 2.4075000000000000e+02, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -1.0e-01, 2.0e-02, 1.0e-03, -2.0e-03, 0. ]
avg_reprojection_error: 2.1e-01
"""
OPENCV_XML = """\
<?xml version="1.0"?>
<opencv_storage>
<image_Width>640</image_Width>
<image_Height>480</image_Height>
<Camera_Matrix type_id="opencv-matrix">
  <rows>3</rows>
  <cols>3</cols>
  <dt>d</dt>
  <data>
    6.0050000000000000e+02 0. 3.2025000000000000e+02 0.
    6.0150000000000000e+02 2.4075000000000000e+02 0. 0. 1.</data></Camera_Matrix>
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
  intrinsics: [600.5, 601.5, 320.25, 240.75]
  resolution: [640, 480]
  rostopic: /cam0/image_raw
cam1:
  camera_model: pinhole
  distortion_coeffs: [0.1, 0.2, 0.3, 0.4]
  distortion_model: equidistant
  intrinsics: [1200.0, 1200.0, 640.0, 400.0]
  resolution: [1280, 800]
"""
EUROC = """\
sensor_type: camera
T_BS:
  cols: 4
  rows: 4
  data: [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.]
rate_hz: 20
resolution: [640, 480]
camera_model: pinhole
intrinsics: [600.5, 601.5, 320.25, 240.75] #fu, fv, cu, cv
distortion_model: radial-tangential
distortion_coefficients: [-0.1, 0.02, 0.001, -0.002]
"""
REALSENSE = """\
{"width": 640, "height": 480, "ppx": 320.25, "ppy": 240.75, "fx": 600.5, "fy": 601.5,
 "model": "distortion.brown_conrady", "coeffs": [-0.1, 0.02, 0.001, -0.002, 0.0]}
"""
NERF = """\
{"camera_angle_x": 0.979, "camera_angle_y": 0.76, "fl_x": 600.5, "fl_y": 601.5, "k1": -0.1, "k2": 0.02,
 "k3": 0, "k4": 0, "p1": 0.001, "p2": -0.002, "is_fisheye": false, "cx": 320.25, "cy": 240.75, "w": 640.0,
 "h": 480.0, "aabb_scale": 4, "frames": [{"file_path": "a.png", "transform_matrix": [[1, 0, 0, 0]]}]}
"""
VINS = """\
%YAML:1.0
---
model_type: PINHOLE
camera_name: camera
image_width: 640
image_height: 480
distortion_parameters:
   k1: -0.1
   k2: 0.02
   p1: 1.0e-03
   p2: -0.002
projection_parameters:
   fx: 600.5
   fy: 601.5
   cx: 320.25
   cy: 240.75
"""
ORB_SLAM = """\
%YAML:1.0
Camera.type: "PinHole"
Camera.fx: 600.5
Camera.fy: 601.5
Camera.cx: 320.25
Camera.cy: 240.75
Camera.k1: -0.1
Camera.k2: 0.02
Camera.p1: 0.001
Camera.p2: -0.002
Camera.width: 640
Camera.height: 480
Camera.fps: 30.0
Viewer.PointSize: 2
"""
MATLAB = """\
{"ImageSize": [640, 480], "IntrinsicMatrix": [[600.5, 0, 0], [0, 601.5, 0], [320.25, 240.75, 1]],
 "RadialDistortion": [-0.1, 0.02], "TangentialDistortion": [0.001, -0.002]}
"""
AZURE = """\
{"color": {"fx": 600.5, "fy": 601.5, "cx": 320.25, "cy": 240.75, "width": 640, "height": 480,
  "opencv": [600.5, 601.5, 320.25, 240.75, -0.1, 0.02, 0.001, -0.002, 0, 0, 0, 0]},
 "depth": {"fx": 500, "fy": 500, "cx": 160, "cy": 144, "width": 320, "height": 288}}
"""
FILES = {
    "ros.yaml": ROS, "echo.yaml": ECHO, "echo.txt": ECHO + ECHO[:100], "opencv.yml": OPENCV_YAML,
    "opencv.xml": OPENCV_XML, "camchain.yaml": KALIBR, "sensor.yaml": EUROC, "realsense.json": REALSENSE,
    "transforms.json": NERF, "vins.yaml": VINS, "orb.yaml": ORB_SLAM, "matlab.json": MATLAB,
    "calibration.json": AZURE,
}  # fmt: skip
