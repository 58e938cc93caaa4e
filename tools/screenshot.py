"""Takes a picture of a page in a headless Chromium: `python -m tools.screenshot URL OUT --width N`."""

import shutil
import sys
from pathlib import Path

import click
from playwright.sync_api import sync_playwright

# A browser that talks to nobody but the page, and runs as root in a container too.
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SETTLED_MS = 15_000


def chromium() -> str | None:
    """Return the system's Chromium, or None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@click.command()
@click.argument("url")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--width", default=1280, show_default=True, help="Width of the window in pixels.")
@click.option("--height", default=900, show_default=True, help="Height of the window in pixels.")
@click.option("--window", is_flag=True, help="Only what the window shows, not the whole page.")
@click.option("--scale", default=1.0, show_default=True, help="Pixels of the picture for each pixel of the page.")
@click.option("--dark", is_flag=True, help="Ask the page for its dark colours.")
def main(url: str, out: Path, width: int, height: int, window: bool, scale: float, dark: bool) -> None:
    """Take a picture of URL and write it to OUT."""
    program = chromium()
    if program is None:
        click.echo("There is no chromium here; install the system's package.", err=True)
        sys.exit(1)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=list(CHROMIUM_FLAGS))
        page = browser.new_page(
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            color_scheme="dark" if dark else "light",
        )
        page.goto(url)
        page.wait_for_selector("main[aria-busy=false]", timeout=SETTLED_MS)
        page.screenshot(path=str(out), full_page=not window)
        browser.close()


if __name__ == "__main__":
    main()
