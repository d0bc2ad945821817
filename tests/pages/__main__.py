"""`python -m tests.pages FOLDER`: each mail as a picture, as `test_mails` looks at it, for people to judge."""

import sys
from pathlib import Path

from gateway.mail.samples import VENDORS, samples
from tests.browser import chromium
from tests.pages.test_mails import LOOKS, mangled
from tests.unit.test_mail_texts import LANGUAGES, NAMES
from tests.world import shipped_templates

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
with chromium() as browser:
    for title, look in LOOKS.items():
        browser.wear(width=look.width, dark=look.dark)
        for lang, name in ((lang, name) for lang in LANGUAGES for name in NAMES):
            html = shipped_templates().render(name, lang, next(iter(samples(name))), VENDORS[0]).html
            browser.show(mangled(html) if look.mangled else html)
            browser.picture(folder / f"{name}, {lang}, {title}.png")
print(f"{len(LOOKS) * len(LANGUAGES) * len(NAMES)} pictures are in {folder}")
