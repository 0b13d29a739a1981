"""Show the built book in a browser.

python -m tools.serve [PORT]        # what `make serve` does
"""

import functools
import sys
from contextlib import suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tools import commands, environment
from tools.contents import ContentsError

HTML = environment.ROOT / "_build" / "html"


def serve(port: str, html: Path = HTML) -> int:
    """Answer requests for pages until it is stopped."""
    if not (html / "index.html").is_file():
        raise ContentsError("There is no book yet: run `make book` first.")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(html))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", int(port)), handler)
    except (ValueError, OverflowError):
        raise ContentsError(f"PORT is a number from 1 to 65535, not {port!r}.") from None
    except OSError as error:
        raise ContentsError(
            f"Port {port} cannot be used ({error.strerror}): choose another, as in "
            "`make serve PORT=8001`."
        ) from None
    with server:
        address = f"http://127.0.0.1:{server.server_port}"
        print(f"The book is at {address} (Ctrl-C stops it).", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(commands.run(lambda: serve(sys.argv[1] if sys.argv[1:] else "8000")))
