"""Bring the hashes in models/manifest.json up to date; fails when models and entries do not agree.

python tools/hash_models.py
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

MODELS = Path(__file__).parents[1] / "models"
MANIFEST = MODELS / "manifest.json"


def update() -> list[str]:
    """Write the hashes; returns what does not agree."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    paths = [p for p in sorted(MODELS.rglob("*")) if p.is_file() and p != MANIFEST]
    files = {str(p.relative_to(MODELS)): p for p in paths}
    for name in manifest.keys() & files.keys():
        manifest[name]["sha256"] = hashlib.sha256(files[name].read_bytes()).hexdigest()
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return [f"{name}: no entry in {MANIFEST.name}" for name in files.keys() - manifest.keys()] + [
        f"{name}: in {MANIFEST.name}, but there is no such file" for name in manifest.keys() - files.keys()
    ]


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    wrong = update()
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    sys.exit(bool(wrong))
