"""The documents lead to where they say."""

import re
import subprocess

from tools.messages import ROOT


def test_every_link_leads_somewhere() -> None:
    """Each relative link of a document under version control names a file or folder that is there."""
    listing = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    links = [
        (name, link)
        for name in listing.stdout.split()
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / name).read_text(encoding="utf-8"))
        if ":" not in link
    ]
    assert len(links) > 10
    assert [(name, link) for name, link in links if not ((ROOT / name).parent / link).exists()] == []
