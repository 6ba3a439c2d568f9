"""Cameras that users give: four numbers, or a calibration file in JSON, YAML or XML."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from scorehoi_ros.errors import CameraError, shown
from scorehoi_ros.geometry.calibration import cameras_of
from scorehoi_ros.geometry.camera import check_size, intrinsics, validate_camera
from scorehoi_ros.io.calibration.keys import ACCEPTED, calibration_from
from scorehoi_ros.types import Camera

SUFFIXES = (".yaml", ".yml", ".json", ".xml")
LARGEST_FILE = 32 << 20
"""Bytes; a transforms.json may list thousands of poses."""
LARGEST_DOCUMENT = 1 << 20
"""Characters of one YAML or XML document; a calibration has a few thousand."""
DEEPEST = 4
"""Levels of XML elements that are looked at."""


def parse_camera(text: str, width: int, height: int) -> Camera:
    """The camera of images of width x height, from "fx,fy,cx,cy" or a calibration file.

    Files: ROS camera_info YAML, a dump by `ros2 topic echo`, OpenCV FileStorage (YAML, XML, JSON), Kalibr
    camchain, RealSense JSON, NeRF transforms.json, or hand-written keys (`io.calibration.keys`).  Raises
    CameraError naming what is wrong and the accepted forms.
    """
    numbers = camera_numbers(text)
    if numbers is not None:
        camera = Camera(intrinsics(*numbers), width, height)
        validate_camera(camera)
        return camera
    path = Path(text)
    try:
        cameras = cameras_of(calibration_from(read_mapping(path), width, height), "user")
    except CameraError as error:
        raise CameraError(f"{path}: {error}") from None
    fitting = [camera for camera in cameras if (camera.width, camera.height) == (width, height)]
    if not fitting:
        check_size(cameras[0], width, height)
    return fitting[0]


def camera_numbers(text: str) -> tuple[float, float, float, float] | None:
    """fx, fy, cx, cy of a camera given as text, None when it names a file; raises CameraError for neither."""
    try:
        if Path(text).is_file():
            return None
    except OSError:  # too long for a name
        pass
    if Path(text).suffix.lower() in SUFFIXES:
        raise CameraError(
            f"cannot read the camera file {text}: no such file. Give one, or fx,fy,cx,cy in pixels."
        )
    try:
        fx, fy, cx, cy = (float(part) for part in text.split(","))
    except ValueError:
        raise CameraError(
            f'a camera is "fx,fy,cx,cy" in pixels or a calibration file ({", ".join(SUFFIXES)}). '
            f"Got {shown(text)}."
        ) from None
    return fx, fy, cx, cy


def read_mapping(path: Path) -> dict[str, Any]:
    """The first mapping in a JSON, YAML or XML file, told apart by suffix and content.

    Files may come from anywhere: only plain values are made, entities are refused, sizes are limited.  Raises
    CameraError.
    """
    text = _text(path)
    is_xml = re.match(r"\s*<[?!A-Za-z]", text)
    kind = "XML" if is_xml else "JSON" if path.suffix.lower() == ".json" else "YAML"
    parsers: dict[str, Callable[[str], Any]] = {"XML": _xml, "JSON": json.loads, "YAML": _yaml}
    try:
        data = parsers[kind](text)
    except CameraError:
        raise
    except Exception as error:  # the parsers meet untrusted text; they raise more than they document
        where = " ".join(str(error).split()) or type(error).__name__
        raise CameraError(
            f"it cannot be read as {kind}, or is cut short: {where}. Expected JSON, YAML or XML with "
            f"{ACCEPTED}."
        ) from None
    if not isinstance(data, dict):
        raise CameraError(
            f"it holds no keys ({kind}: {type(data).__name__}). Expected JSON, YAML or XML with {ACCEPTED}."
        )
    return data


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CameraError(f"it has more than {LARGEST_FILE >> 20} MB. That is no calibration file.")
        raw = path.read_bytes()
    except OSError as error:
        raise CameraError(f"it cannot be read: {error.strerror}.") from None
    try:
        # A byte-order mark tells Windows' UTF-16 from UTF-8.
        return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise CameraError("it is no text. Expected a calibration in JSON, YAML or XML.") from None


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which also knows OpenCV's matrices."""


def _opencv(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    raise CameraError(f"a value of OpenCV's type {suffix} cannot be read. Expected matrices and numbers.")


_Loader.add_multi_constructor("tag:yaml.org,2002:opencv-", _opencv)


def _yaml(text: str) -> Any:
    """The first document with something in it; `ros2 topic echo` writes one for each message."""
    # OpenCV's header "%YAML:1.0" is none in YAML's own eyes.
    body = re.sub(r"^%.*$", "", text, flags=re.MULTILINE)
    documents = (part for part in re.split(r"^(?:---|\.\.\.)\s*$", body, flags=re.MULTILINE) if part.strip())
    return yaml.load(_limited(next(documents, "")), Loader=_Loader)  # noqa: S506, a SafeLoader


def _xml(text: str) -> Any:
    """The children of the root element as a mapping."""
    if re.search(r"<!\s*(?:doctype|entity)", text, re.IGNORECASE):
        raise CameraError("it declares XML entities, which no calibration needs. Take the declaration out.")
    return _xml_value(ElementTree.fromstring(_limited(text)), DEEPEST)  # noqa: S314, no entities


def _xml_value(element: Any, levels: int) -> Any:
    if len(element) and levels:
        return {child.tag: _xml_value(child, levels - 1) for child in element}
    words = (element.text or "").split()
    return words[0] if len(words) == 1 else words


def _limited(text: str) -> str:
    if len(text) > LARGEST_DOCUMENT:
        raise CameraError(f"it has more than {LARGEST_DOCUMENT} characters. That is no calibration.")
    return text
