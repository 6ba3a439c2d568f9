"""What a mesh file may hold that is not read: named with what to do, before a reader makes nonsense of it."""

import codecs
import json
import re
import struct
from collections.abc import Sequence

from scorehoi_ros.contents import content_of
from scorehoi_ros.errors import TemplateError

_EXPORT = "Open it in the program it came from, or in Blender, and export it as .glb or .obj."
_CAD = "Open it in the CAD program and export triangles (.stl, .obj)."
OTHER_FORMATS: dict[str, tuple[str, str]] = {
    ".gltf": ("glTF as text, with its geometry in other files", "Export it as .glb, which is one file."),
    ".dae": ("COLLADA", _EXPORT),
    ".fbx": ("FBX", _EXPORT),
    ".blend": ("a Blender project", _EXPORT),
    ".3ds": ("3DS", _EXPORT),
    ".3mf": ("3MF", "Open it in the slicer and export it as .stl or .obj."),
    ".usd": ("USD", _EXPORT),
    ".usda": ("USD", _EXPORT),
    ".usdc": ("USD", _EXPORT),
    ".usdz": ("USD", _EXPORT),
    ".x3d": ("X3D", _EXPORT),
    ".wrl": ("VRML", _EXPORT),
    ".step": ("STEP, which has no triangles", _CAD),
    ".stp": ("STEP, which has no triangles", _CAD),
    ".iges": ("IGES, which has no triangles", _CAD),
    ".igs": ("IGES, which has no triangles", _CAD),
}
"""Formats of meshes that are not read, and what to do with them."""
_STARTS = {
    b"BLENDER": ".blend", b"Kaydara FBX": ".fbx", b"; FBX": ".fbx", b"PXR-USDC": ".usdc", b"#usda": ".usda",
    b"ISO-10303-21": ".step", b"#VRML": ".wrl",
}  # fmt: skip
_OBJ = re.compile(rb"\s*(?:(?:#|o |g |s |mtllib |usemtl |vn |vt )[^\n]*\n\s*)*v[ \t]+[-+.\d]")
_OFF = re.compile(rb"(?:ST)?C?N?4?n?OFF\b")
_GLTF_PACKED = {
    "KHR_draco_mesh_compression": "compressed by Draco",
    "EXT_meshopt_compression": "compressed by meshopt",
    "KHR_meshopt_compression": "compressed by meshopt",
}


def plain(data: bytes, suffix: str) -> bytes:
    """The bytes without a byte-order mark, text of two bytes a character as UTF-8; `suffix` like ".obj"."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and suffix != ".glb":
        try:
            return data.decode("utf-16").encode("utf-8")
        except UnicodeError:
            return data
    return data.removeprefix(codecs.BOM_UTF8)


def refuse_foreign(data: bytes, name: str, suffix: str, known: Sequence[str]) -> None:
    """Raise TemplateError when a file is not what its suffix says, or of a format that is not read.

    `data` are its bytes, `known` the suffixes that are read.  What is damaged in other ways passes.
    """
    start = data[:4096]
    other = next((end for begin, end in _STARTS.items() if start.startswith(begin)), suffix)
    if b"<COLLADA" in start:
        other = ".dae"
    if suffix == ".glb" and start.lstrip().startswith(b"{"):
        other = ".gltf"
    if other in OTHER_FORMATS:
        what, mend = OTHER_FORMATS[other]
        raise TemplateError(f"{name} is {what}; that is not read here. {mend}")
    content = content_of(data)
    if content is not None:
        raise TemplateError(f"{name} is {content.what}. {content.mend}")
    found = _format(start)
    if found not in ("", suffix) and found in known:
        stem = name.removesuffix(suffix) if suffix else name
        raise TemplateError(f"{name} holds a mesh in the format {found[1:]}. Name it {stem}{found}.")
    if suffix not in known:
        raise TemplateError(
            f"{name}: {suffix or 'no suffix'} is not a mesh format read here. Convert it to one of "
            f"{', '.join(known)}."
        )
    if suffix == ".glb":
        _refuse_glb(data)
    if suffix == ".ply":
        _refuse_ply(data)


def _format(start: bytes) -> str:
    """The suffix of the format that a file begins like, empty when that is not clear."""
    if start.startswith(b"glTF"):
        return ".glb"
    if re.match(rb"ply\s", start):
        return ".ply"
    if _OFF.match(start):
        return ".off"
    if start.lstrip().startswith(b"solid") and b"facet" in start:
        return ".stl"
    return ".obj" if _OBJ.match(start) else ""


def _refuse_glb(data: bytes) -> None:
    if data[:4] != b"glTF":
        return
    if len(data) < 20 or struct.unpack("<I", data[8:12])[0] > len(data):
        told = struct.unpack("<I", data[8:12])[0] if len(data) >= 12 else "more"
        raise TemplateError(f"it is cut short: {len(data)} of {told} bytes. Get the file again.")
    version, size = struct.unpack("<I", data[4:8])[0], struct.unpack("<I", data[12:16])[0]
    if version != 2:
        raise TemplateError(f"it is glTF of version {version}, expected 2. {_EXPORT}")
    try:
        told = json.loads(data[20 : 20 + size])
        primitives = [p for mesh in told.get("meshes", ()) for p in mesh.get("primitives", ())]
        extensions = {
            *told.get("extensionsRequired", ()),
            *(e for p in primitives for e in p.get("extensions", ())),
        }
        places = {p.get("attributes", {}).get("POSITION", 0) for p in primitives}
        scaled = any(told["accessors"][place].get("normalized") for place in places)
        outside = [b["uri"] for b in told.get("buffers", ()) if not b.get("uri", "data:").startswith("data:")]
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
        return
    for extension in extensions & set(_GLTF_PACKED):
        raise TemplateError(
            f"its geometry is {_GLTF_PACKED[extension]} ({extension}), which is not read here. Export it "
            "again without compression (in Blender: Data, Compression off), or as .obj or .ply."
        )
    if scaled:
        raise TemplateError(
            "its places are stored as shares of a range (KHR_mesh_quantization), which is not read here. "
            "Export it again without quantisation, or as .obj or .ply."
        )
    if outside:
        raise TemplateError(
            f"its geometry lies in another file ({outside[0][:60]}). Export it with everything in one file "
            "(in Blender: format glTF Binary)."
        )


def _refuse_ply(data: bytes) -> None:
    header = data[: data.find(b"end_header") + 1 or 4096]
    elements = re.findall(rb"^element\s+(\w+)\s+(\d+)", header, re.MULTILINE)
    counts = {name.decode(): int(number) for name, number in elements}
    if counts.get("tristrips") and not counts.get("face"):
        raise TemplateError(
            "its surface is stored as triangle strips (tristrips), which are not read here. Open it in "
            "MeshLab or Blender and export it as .ply or .obj with faces."
        )
