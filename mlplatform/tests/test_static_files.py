import subprocess

import pytest
from django.contrib.staticfiles.finders import get_finder

from mlplatform import static_files


@pytest.fixture
def collections(settings, tmp_path, monkeypatch):
    """The commands that were run to collect; a site with one file, which is made here."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "site.css").write_text("body {}")
    settings.DATA_DIR = tmp_path
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STATIC_ROOT.mkdir()
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATICFILES_DIRS = [source]
    get_finder.cache_clear()
    run = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: run.append(command))
    yield run
    get_finder.cache_clear()


def test_static_files_are_collected_once(collections):
    static_files.collect_when_changed()
    static_files.collect_when_changed()

    assert len(collections) == 1
    assert "collectstatic" in collections[0]


def test_a_changed_file_is_collected_again(collections, tmp_path):
    static_files.collect_when_changed()

    (tmp_path / "source" / "site.css").write_text("body { color: red }")
    static_files.collect_when_changed()

    assert len(collections) == 2


def test_a_new_file_is_collected(collections, tmp_path):
    static_files.collect_when_changed()

    (tmp_path / "source" / "print.css").write_text("")
    static_files.collect_when_changed()

    assert len(collections) == 2


def test_what_describes_the_collection_is_not_served(settings, collections):
    """Everything in STATIC_ROOT is served; earlier versions kept both files there."""
    for name in ("staticfiles.json", "fingerprint"):
        (settings.STATIC_ROOT / name).touch()

    static_files.collect_when_changed()

    assert list(settings.STATIC_ROOT.iterdir()) == []
    assert static_files.HashedStaticStorage().manifest_storage.location == str(settings.DATA_DIR)
