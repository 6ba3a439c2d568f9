"""Click on the object: the left button says "this is it", the right one "this is not".

python examples/05_click.py [--image photo.jpg --object ball:0.22]
scorehoi node --object ball:0.22 --image-topic /camera/image_raw
python examples/05_click.py --topic /camera/image_raw

With a photo (without one, a picture of the test set that comes with the package) every click is added to
those before, and what was found is drawn.  With --topic the live image is shown; things move there, so right
clicks wait for the next left one, and then both are sent to the node's service ~/set_object_prompt and
forgotten.
"""

import argparse
from typing import Any, Protocol

import cv2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backend_bases import MouseButton

from scorehoi_ros import Camera, Frame, Prompt, load_pipeline
from scorehoi_ros.datasets.registry import open_dataset
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.io.topics.decode import rgb_of
from scorehoi_ros.render.overlay import overlay

Points = list[tuple[float, float]]


class Source(Protocol):
    """Where pictures come from and clicks go to."""

    picture: np.ndarray
    """(H, W, 3) uint8, in whose pixels is clicked."""
    moves: bool
    """A click holds for one picture only."""

    def send(self, points: Points, background: Points) -> str:
        """Pixels on the object (at least one) and beside it; what came of it, in words."""
        ...


class Photo:
    """One image, reconstructed at each click."""

    moves = False

    def __init__(self, path: str, spec: str) -> None:
        if path:
            read = cv2.imread(path)
            if read is None:
                raise SystemExit(f"{path} is no picture")
            self.rgb = np.asarray(read, np.uint8)[:, :, ::-1].copy()
            self.camera: Camera = guess_camera(self.rgb.shape[1], self.rgb.shape[0])
        else:
            sample = open_dataset("synhoi-test").singles[0].load()
            self.rgb, self.camera, spec = sample.frame.rgb, sample.frame.camera, sample.truth.template.source
        self.picture = self.rgb
        self.pipeline = load_pipeline(object=spec)

    def send(self, points: Points, background: Points) -> str:
        """See `Source.send`."""
        prompt = Prompt(points=np.reshape(points, (-1, 2)), background=np.reshape(background, (-1, 2)))
        result, _ = self.pipeline.step(Frame(self.rgb, self.camera, stamp_ns=0), None, prompt)
        if result.flat is not None:  # the undistorted image that the result lies on
            self.picture = overlay(result.flat, result, self.pipeline.body, self.pipeline.template)
        found = 0 if result.masks.object is None else np.count_nonzero(result.masks.object)
        return f"{found} pixels are the object's, with a predicted overlap of {result.masks.object_score:.2f}"


class Live:
    """What the node looks at."""

    moves = True

    def __init__(self, topic: str, name: str = "/scorehoi") -> None:
        import rclpy
        from rclpy.qos import qos_profile_sensor_data
        from scorehoi_ros.srv import SetObjectPrompt
        from sensor_msgs.msg import Image

        self.rclpy, self.request = rclpy, SetObjectPrompt.Request
        self.node = rclpy.create_node("click")
        self.node.create_subscription(Image, topic, self.hear, qos_profile_sensor_data)
        self.client = self.node.create_client(SetObjectPrompt, f"{name}/set_object_prompt")
        self.picture = np.full((480, 640, 3), 60, np.uint8)

    def hear(self, message: Any) -> None:
        """One image."""
        self.picture = rgb_of(message)

    def spin(self) -> None:
        """Hear what has come."""
        self.rclpy.spin_once(self.node, timeout_sec=0.02)

    def send(self, points: Points, background: Points) -> str:
        """See `Source.send`."""
        if not self.client.wait_for_service(timeout_sec=5.0):
            return f"there is no service {self.client.srv_name}: start the node"
        request = self.request(points=np.ravel(points).tolist(), background=np.ravel(background).tolist())
        answer = self.client.call_async(request)
        self.rclpy.spin_until_future_complete(self.node, answer, timeout_sec=5.0)
        told = answer.result()
        return "no answer" if told is None else told.message or "taken"


class Window:
    """Shows the pictures of a source and takes the clicks."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.points: Points = []
        self.background: Points = []
        self.figure, self.axes = plt.subplots()
        self.axes.set_axis_off()
        self.figure.canvas.mpl_connect("button_press_event", self.click)
        self.show()

    def show(self) -> None:
        """The newest picture with the clicks that count."""
        for artist in [*self.axes.images, *self.axes.lines]:
            artist.remove()
        self.axes.imshow(self.source.picture)
        for clicks, colour in ((self.points, "lime"), (self.background, "red")):
            self.axes.plot(*np.reshape(clicks, (-1, 2)).T, "o", color=colour, markeredgecolor="black")
        self.figure.canvas.draw_idle()

    def click(self, event: Any) -> None:
        """A button was pressed; clicks beside the picture and those of the toolbar's zoom are not for us."""
        toolbar = self.figure.canvas.toolbar
        if event.inaxes is not self.axes or (toolbar is not None and toolbar.mode):
            return
        if event.button == MouseButton.LEFT:
            self.points.append((event.xdata, event.ydata))
        elif event.button == MouseButton.RIGHT:
            self.background.append((event.xdata, event.ydata))
        if self.points:
            print(self.source.send(self.points, self.background), flush=True)
            if self.source.moves:
                self.points, self.background = [], []
        self.show()


def main() -> None:
    """Show a window until it is closed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", default="", help="photo to click on")
    parser.add_argument("--object", default="ball:0.22", help="what is on it, as for scorehoi label")
    parser.add_argument("--topic", default="", help="sensor_msgs/Image that the node looks at")
    args = parser.parse_args()
    if plt.get_backend().lower() == "agg":
        raise SystemExit("no window can be shown here: matplotlib finds neither a display nor a toolkit")
    if not args.topic:
        Window(Photo(args.image, args.object))
        plt.show()
        return
    import rclpy

    rclpy.init(args=[])
    live = Live(args.topic)
    window = Window(live)
    try:
        while plt.fignum_exists(window.figure.number):
            live.spin()
            window.show()
            plt.pause(0.02)
    except KeyboardInterrupt:
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
