"""The icons of the theme, but only those that pages show.

The theme brings all of Font Awesome three times: as a script of 1.5 MB, as fonts, and as
two thousand rules. A page shows about twenty icons. Here the fonts are cut down to them,
the rules of the others go, and with `tools.finish`, which drops the script, so does most
of what a reader would wait for.
"""

import re
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

STYLES = "_static/styles/pydata-sphinx-theme.css"
FONTS = "_static/vendor/fontawesome/webfonts"

_RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\(\w+)"\}')
_NAME = re.compile(r"\bfa-[\w-]+")
_CODE = re.compile(r'["\']\\(f\w{3}|e\w{3})["\']')
_SOURCE = re.compile(r'src:url\(([^)]*/)(fa-[\w-]+)\.woff2\)[^;}]*?format\("truetype"\)')


def shown(html: Path) -> set[str]:
    """The names of icons that pages and scripts mention, such as "fa-bars"."""
    texts = [*html.rglob("*.html"), *html.glob("_static/**/sphinx-book-theme.js")]
    texts += html.glob("_static/**/pydata-sphinx-theme.js")
    return {
        name for path in texts for name in _NAME.findall(path.read_text(encoding="utf-8"))
    }


def keep_only_shown(html: Path) -> None:
    """Cut rules and fonts of the built pages down to the icons that are shown."""
    names, styles = shown(html), html / STYLES
    used: set[int] = set()

    def rule(found: re.Match[str]) -> str:
        if not names & set(_NAME.findall(found[1])):
            return ""
        used.add(int(found[2], 16))
        return found[0]

    text = _RULE.sub(rule, styles.read_text(encoding="utf-8"))
    sheets = [text, *(p.read_text("utf-8") for p in html.glob("_static/*.css"))]
    used |= {int(code, 16) for sheet in sheets for code in _CODE.findall(sheet)}
    used |= {ord(one) for sheet in sheets for one in sheet if "\ue000" <= one <= "\uf8ff"}
    # The fonts' own format needs a compressor that Python lacks; WOFF does as well.
    text = _SOURCE.sub(r'src:url(\1\2.woff) format("woff")', text)
    styles.write_text(text, encoding="utf-8")
    for path in sorted((html / FONTS).glob("*.ttf")):
        font = TTFont(path, recalcTimestamp=False)
        subsetter = Subsetter(Options(notdef_outline=True))
        subsetter.populate(unicodes=used)
        subsetter.subset(font)
        font.flavor = "woff"
        font.save(path.with_suffix(".woff"))
        path.unlink()
        path.with_suffix(".woff2").unlink(missing_ok=True)
