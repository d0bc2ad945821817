"""`make golden-accept`: what is understood today becomes what is expected; people read the diff."""

from tests.golden.golden import FOLDERS, understood
from tests.golden_mails.golden import FOLDER as MAILS
from tests.golden_mails.golden import composed, rows

for folder in FOLDERS:
    page, text = folder / "expected.toml", understood(folder)
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
        print(f"{folder.name}: {page.name} written")

for row in rows():
    page, text = MAILS / f"{row.name}.txt", composed(row.rule)
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
        print(f"{page.name} written")
