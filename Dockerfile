# ROS 2 Jazzy with this package: node, launch files, and what a camera and a viewer need (docs/install.md, way 4).
#   docker build -t scorehoi_ros .
#   docker run --rm -it --network host scorehoi_ros ros2 launch scorehoi_ros live.launch.py object:=ball:0.22

FROM ros:jazzy-ros-base AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*

# Sees the distribution's rclpy and messages, but has all that we pin itself (--ignore-installed): the image that
# runs has fewer of the distribution's Python packages than this one.
RUN python3 -m venv --system-site-packages /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
COPY requirements.txt constraints.txt ./
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir --ignore-installed --extra-index-url "$TORCH_INDEX" \
    --requirement requirements.txt --constraint constraints.txt

COPY package.xml CMakeLists.txt LICENSE NOTICE src/scorehoi_ros/
COPY msg src/scorehoi_ros/msg
COPY srv src/scorehoi_ros/srv
COPY scripts/scorehoi scripts/reconstruct_node src/scorehoi_ros/scripts/
COPY launch src/scorehoi_ros/launch
COPY models src/scorehoi_ros/models
COPY scorehoi_ros src/scorehoi_ros/scorehoi_ros
# The interpreter of the virtual environment is found first; the messages are built for its version of Python.
RUN source /opt/ros/jazzy/setup.bash \
    && colcon build --merge-install --install-base /opt/scorehoi --packages-select scorehoi_ros \
        --cmake-args -DBUILD_TESTING=OFF

FROM ros:jazzy-ros-core
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# OpenCV loads libgl1 and libglib2.0; EXTRA names cameras, viewers and the like.
ARG EXTRA="ros-jazzy-v4l2-camera ros-jazzy-foxglove-bridge"
# hadolint ignore=SC2086
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libgl1 \
        libglib2.0-0t64 \
        ros-jazzy-ament-index-python \
        ros-jazzy-diagnostic-msgs \
        ros-jazzy-geometry-msgs \
        ros-jazzy-hri-msgs \
        ros-jazzy-launch \
        ros-jazzy-launch-ros \
        ros-jazzy-lifecycle-msgs \
        ros-jazzy-rcl-interfaces \
        ros-jazzy-rclpy \
        ros-jazzy-ros2launch \
        ros-jazzy-rosidl-default-runtime \
        ros-jazzy-sensor-msgs \
        ros-jazzy-std-msgs \
        ros-jazzy-std-srvs \
        ros-jazzy-tf2-msgs \
        ros-jazzy-vision-msgs \
        ros-jazzy-visualization-msgs \
        $EXTRA \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/scorehoi /opt/scorehoi
COPY scripts/docker_entrypoint.sh /usr/local/bin/scorehoi_entrypoint
# Shared memory does not cross the border of a container, but Fast DDS would try it between programs of one host.
ENV PATH=/opt/venv/bin:$PATH \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    FASTDDS_BUILTIN_TRANSPORTS=UDPv4

# A user of our own; `video` may open cameras.
RUN useradd --create-home --home-dir /var/lib/scorehoi --groups video scorehoi
USER scorehoi
WORKDIR /var/lib/scorehoi
# Fails when a package does not load, and leaves the kernels that a start compiles in the user's cache.
RUN scorehoi_entrypoint ros2 run scorehoi_ros scorehoi doctor \
    && scorehoi_entrypoint python3 -c 'from scorehoi_ros import load_pipeline; load_pipeline(object="ball:0.22").close()'
ENTRYPOINT ["scorehoi_entrypoint"]
CMD ["ros2", "launch", "scorehoi_ros", "live.launch.py"]
