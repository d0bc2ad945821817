"""`make golden-accept`: what is understood today becomes what is expected; people read the diff."""

from tests.golden.golden import FOLDERS, understood

for folder in FOLDERS:
    page, text = folder / "expected.toml", understood(folder)
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
        print(f"{folder.name}: {page.name} written")
