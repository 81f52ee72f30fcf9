"""HTML and SVG as a tree, so that what comes from data is escaped wherever it stands."""

from xml.etree.ElementTree import Element, tostring

from ratchet.versions.record import plain, printable

Inside = Element | str


def element(tag: str, *inside: Inside, **attributes: str | float) -> Element:
    """Return an element. `class_` stands for class, an underscore within a name for a hyphen."""
    made = Element(tag)
    for name, value in attributes.items():
        key = name.rstrip("_").replace("_", "-")
        made.set(key, plain(value) if isinstance(value, str) else f"{round(value, 1):g}")
    for each in inside:
        add(made, each)
    return made


def add(to: Element, inside: Inside) -> None:
    """Put text or an element at the end of an element."""
    if isinstance(inside, Element):
        to.append(inside)
        return
    text = "\n".join(printable(line) for line in inside.split("\n"))
    # As ElementTree has it, text after an element is that element's tail.
    if len(to):
        to[-1].tail = (to[-1].tail or "") + text
    else:
        to.text = (to.text or "") + text


def document(root: Element) -> str:
    """Return a page as text."""
    return f"<!doctype html>\n{tostring(root, encoding='unicode', method='html')}\n"
