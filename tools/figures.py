"""Figures for the pages: vector drawings that follow the page's light and dark.

A chapter's figure is stored twice, as SVG and as PNG. A page takes the PNG if the SVG is
large. Every other SVG becomes part of the page itself, on the screen and on paper, because
only there do the page's colours reach it: each colour becomes a CSS variable, and
_static/custom.css says what it is in the dark where it would not stand out. Pictures, such
as weights in shades of blue, keep their shades and their white paper, because texts speak
of dark cells.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from nbformat import NotebookNode

SVG, PNG = "image/svg+xml", "image/png"
LARGEST = 200_000  # bytes of an SVG; beyond it the PNG is smaller and as sharp
SMALLEST_LABEL = 10  # pixels, at any width of the page
ENLARGED = 1.2  # what a desktop shows, against the size that was drawn

_COLOR = re.compile(r"#[0-9a-f]{6}\b")
_LONG = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
_REFERENCE = re.compile(r"url\(#([\w.-]+)\)")
_PLACE = re.compile(r"translate\((-?[\d.]+) (-?[\d.]+)\)")
_LABEL = re.compile(r"scale\((\d*\.\d+) -\d*\.\d+\)")
_OPACITY = re.compile(r"(?:^|; )opacity")
_AXIS = re.compile(r"matplotlib\.axis_\d+")


def drop_large(notebook: NotebookNode) -> None:
    """Take the SVG of an executed notebook's figures away where it is too large."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if PNG in data and len(data.get(SVG, "").encode()) > LARGEST:
                del data[SVG]


def _variable(color: str) -> str:
    return f"var(--fig-{color[1:]}, {color})"


def _children(axes: ET.Element) -> Iterator[ET.Element]:
    """What lies inside the frame of axes that hold a picture, on its white paper."""
    frame = axes.find("g/path")
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", frame.get("d", ""))]  # type: ignore[union-attr]
    left, right = min(numbers[::2]), max(numbers[::2])
    top, bottom = min(numbers[1::2]), max(numbers[1::2])
    for child in axes:
        name = child.get("id", "")
        if _AXIS.fullmatch(name):
            continue
        if name.startswith("text_"):
            found = _PLACE.search(ET.tostring(child, encoding="unicode"))
            x, y = (float(found[1]), float(found[2])) if found else (left, top)
            if not (left <= x <= right and top <= y <= bottom):
                continue  # a title
        yield child


def _recolour(root: ET.Element) -> None:
    """Turn colours into variables, but those on the paper of a picture."""
    kept = {
        id(below)
        for axes in root.iter("g")
        if axes.get("id", "").startswith("axes_") and axes.find(".//image") is not None
        for child in _children(axes)
        for below in child.iter()
    }
    for tag in root.iter():
        style = tag.get("style", "").lower()
        if id(tag) in kept:
            if tag.tag == "g" and "fill" not in style:
                tag.set("style", f"{style}; fill: #000000".removeprefix("; "))
        elif style:
            tag.set("style", _COLOR.sub(lambda found: _variable(found[0]), style))


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")


def _shorten(root: ET.Element, prefix: str) -> None:
    """Round what is finer than can be seen; keep only names that are needed, and short."""
    for tag in root.iter():
        tag.text = tag.tail = None
        for name in ("d", "x", "y", "width", "height"):
            if name in tag.attrib and tag is not root:
                tag.set(name, _LONG.sub(_short, " ".join(tag.attrib[name].split())))
        if moved := tag.get("transform"):
            tag.set("transform", _PLACE.sub(lambda f: _LONG.sub(_short, f[0]), moved))
    everything = ET.tostring(root, encoding="unicode")
    needed = {found.lstrip("#") for found in re.findall(r'href="(#[^"]+)"', everything)}
    needed |= set(_REFERENCE.findall(everything))
    names = {name: f"{prefix}{n}" for n, name in enumerate(sorted(needed))}
    for tag in root.iter():
        name = tag.attrib.pop("id", "")
        if name in needed:
            tag.set("id", names[name])
        if (target := tag.get("href", "")).startswith("#"):
            tag.set("href", f"#{names[target[1:]]}")
        for key in ("clip-path", "style", "fill"):
            if key in tag.attrib:
                short = _REFERENCE.sub(lambda f: f"url(#{names[f[1]]})", tag.attrib[key])
                tag.set(key, short)


def _share_styles(root: ET.Element) -> None:
    """Let a group of marks say once how all of them look: they are hundreds in a figure.

    Marks with an ``opacity`` are left alone: together they would overlap in another way.
    """
    for group in root.iter("g"):
        marks = [child for child in group if child.tag != "defs"]
        looks = {(mark.tag, mark.get("style", "opacity")) for mark in marks}
        tag, style = looks.pop() if len(looks) == 1 else ("", "")
        if tag == "use" and not group.get("style") and not _OPACITY.search(style):
            group.set("style", style)
            for mark in marks:
                del mark.attrib["style"]


def inline(svg: str, alt: str, prefix: str) -> str:
    """A drawing of Matplotlib as part of a page.

    Args:
        svg: the file's text.
        alt: says what one would see.
        prefix: begins every name in it, which must be its own on a page.
    """
    root = ET.fromstring(svg)
    for tag in root.iter():
        tag.tag = tag.tag.rpartition("}")[2]
        for key in [key for key in tag.attrib if "}" in key]:
            tag.set(key.rpartition("}")[2], tag.attrib.pop(key))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)
    labels = [100 * float(size) for size in _LABEL.findall(svg)]
    _recolour(root)
    _shorten(root, prefix)
    _share_styles(root)
    width = float(root.attrib["width"].removesuffix("pt")) * 4 / 3
    least = SMALLEST_LABEL / min(labels) * 3 / 4 * width if labels else 0
    shown = max(ENLARGED * width, least)
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "class": "drawing",
        "role": "img",
        "aria-label": alt,
        "style": f"width: {shown:.0f}px; min-width: {least:.0f}px; "
        f"fill: {_variable('#000000')}; stroke-linejoin: round",
    }
    return ET.tostring(root, encoding="unicode")
