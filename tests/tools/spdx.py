# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of the project says under which license it stands: python -m tests.tools.spdx"""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path, PurePosixPath

from tests.tools.project import ROOT, project_files

LICENSE_LINE = re.compile(r"SPDX-License-Identifier: GPL-3\.0-or-later(?![\w.-])")
OWNER_LINE = re.compile(r"Copyright \(c\) \d{4}, the backup\.audit contributors")
# The notice stands at the top: behind a shebang, at most a few lines down.
TOP_LINES = 10
# The license itself, and what the changelog tool writes anew at every release.
WITHOUT_NOTICE = {PurePosixPath(name) for name in ("LICENSE", "CHANGELOG.md", "changelogs/changelog.yaml")}
# No room for a comment; these stand under the license of the whole, as galaxy.yml says.
WITHOUT_COMMENTS = {".json", ".png", ".gz"}


def lacks_notice(root: Path, file: PurePosixPath) -> bool:
    path = root / file
    if file in WITHOUT_NOTICE or file.suffix in WITHOUT_COMMENTS or path.is_symlink() or path.stat().st_size == 0:
        return False
    with path.open(encoding="utf-8", errors="replace") as lines:
        top = "".join(itertools.islice(lines, TOP_LINES))
    return not (LICENSE_LINE.search(top) and OWNER_LINE.search(top))


def main(root: Path = ROOT) -> int:
    files = project_files(root)
    bare = [file for file in files if lacks_notice(root, file)]
    for file in bare:
        print(f"{file}: neither copyright nor SPDX-License-Identifier: GPL-3.0-or-later in the first {TOP_LINES} lines")
    print(f"{len(files)} files, {len(bare)} without a license notice.")
    return 1 if bare else 0


if __name__ == "__main__":
    sys.exit(main())
