# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from tests.tools import spdx

# Put together, so that this file's own top does not count twice.
NOTICE = "# Copyright (c) 2026, the backup.audit contributors\n# SPDX-License-Identifier: " + "GPL-3.0-or-later\n"


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        (NOTICE, False),
        ("#!/bin/sh\n" + NOTICE, False),
        (NOTICE.replace("#", "<!--"), False),
        ("", False),
        ("x = 1\n", True),
        (NOTICE.replace("GPL-3.0-or-later", "MIT"), True),
        (NOTICE.replace("or-later", "or-later-not"), True),
        (NOTICE.splitlines()[1], True),
        ("x = 1\n" * spdx.TOP_LINES + NOTICE, True),
    ],
)
def test_the_notice_is_asked_for_at_the_top(tmp_path: Path, text: str, lacks: bool) -> None:
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    assert spdx.lacks_notice(tmp_path, PurePosixPath("a.py")) is lacks


def test_files_without_comments_need_none(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    assert not spdx.lacks_notice(tmp_path, PurePosixPath("a.json"))


def test_one_bare_file_fails_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "galaxy.yml").write_text(NOTICE + "build_ignore: []\n", encoding="utf-8")
    assert spdx.main(tmp_path) == 0
    (tmp_path / "bare.py").write_text("x = 1\n", encoding="utf-8")
    assert spdx.main(tmp_path) == 1
    assert "bare.py" in capsys.readouterr().out
