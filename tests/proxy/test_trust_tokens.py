"""Static tokens: who holds one, until when, and what the file gives away."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.trust.tokens import TokenFile

NOW = 1_700_000_000.0


@pytest.fixture
def tokens(tmp_path: Path) -> TokenFile:
    """A file that is not there yet."""
    return TokenFile(tmp_path / "tokens.json")


def new(tokens: TokenFile, name: str = "", expires: float | None = None, projects: tuple[str, ...] = ("lung",)) -> str:
    token, _ = tokens.new(projects, ["search"], name=name, now=NOW, expires=expires)
    return token


def test_a_new_token_is_known_at_once(tokens: TokenFile, tmp_path: Path) -> None:
    """To a server that has read the file before, too; and its holder may what was said."""
    assert tokens.find(new(tokens, "first"), NOW) is not None

    server = TokenFile(tmp_path / "tokens.json")
    assert server.find("x", NOW) is None
    token = new(tokens, "viewer")
    subject = server.find(token, NOW)

    assert subject is not None
    assert (subject.label, [*subject.rights("lung")]) == ("token:viewer", [Right.SEARCH])
    assert not subject.knows("stroke")


def test_the_file_holds_no_token(tokens: TokenFile, tmp_path: Path) -> None:
    """Only its owner reads it, and it holds a digest of 256 bits."""
    token = new(tokens)
    file = tmp_path / "tokens.json"

    assert token not in file.read_text()
    assert token.split("_", 2)[2] not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(json.loads(file.read_text())["tokens"][0]["sha256"]) == 64
    assert [each.name for each in tmp_path.iterdir()] == ["tokens.json"]


def test_an_expired_token(tokens: TokenFile) -> None:
    """It is valid up to its last second, and not in it."""
    token = new(tokens, expires=NOW + 10)

    assert tokens.find(token, NOW + 9.9) is not None
    assert tokens.find(token, NOW + 10) is None


def test_a_revoked_token(tokens: TokenFile, tmp_path: Path) -> None:
    """By its ID, its name or itself; other tokens stay valid, and the server knows at once."""
    server = TokenFile(tmp_path / "tokens.json")
    by_id, by_name, by_itself, other = new(tokens), new(tokens, "viewer"), new(tokens), new(tokens)
    assert all(server.find(each, NOW) for each in (by_id, by_name, by_itself, other))

    for which in (by_id.split("_")[1], "viewer", by_itself):
        tokens.revoke(which, now=NOW)

    assert [server.find(each, NOW) is None for each in (by_id, by_name, by_itself, other)] == [True, True, True, False]
    assert [each.state(NOW) for each in tokens.all()] == ["revoked"] * 3 + ["valid"]


def test_nearly_a_token(tokens: TokenFile) -> None:
    """Any other character anywhere makes it none; and so does another token's secret."""
    token, other = new(tokens), new(tokens)
    for place in range(len(token)):
        changed = "A" if token[place] != "A" else "B"
        assert tokens.find(token[:place] + changed + token[place + 1 :], NOW) is None
    assert tokens.find(token.rpartition("_")[0] + "_" + other.rpartition("_")[2], NOW) is None
    assert tokens.find(token + " ", NOW) is None
    assert tokens.find("", NOW) is None


def test_a_name_is_unique_while_its_token_is_valid(tokens: TokenFile) -> None:
    """So that the audit says who it was; a new token may follow an old one."""
    new(tokens, "viewer")
    with pytest.raises(ConfigurationError, match="has this name already"):
        new(tokens, "viewer")
    tokens.revoke("viewer", now=NOW)
    new(tokens, "viewer")


def test_several_at_a_time(tokens: TokenFile) -> None:
    """No token is lost."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new(tokens), range(24)))

    assert all(tokens.find(each, NOW) for each in made)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"tokens": [{}]}',
        '{"tokens": [1]}',
        '{"tokens": [{"id": "a", "sha256": "", "name": "", "projects": ["lung"], "can": ["search"], "created": 1}]}',
    ],
)
def test_a_broken_file(tokens: TokenFile, tmp_path: Path, content: str) -> None:
    """No token is valid any more; the server says so once, and the command refuses to change it."""
    token = new(tokens)
    assert tokens.find(token, NOW)
    (tmp_path / "tokens.json").write_text(content)

    assert tokens.find(token, NOW) is None
    with pytest.raises(ConfigurationError, match="not one that `dicomveil token new` has written"):
        new(tokens)


def test_a_file_that_others_may_write(tokens: TokenFile, tmp_path: Path) -> None:
    """They could write a token into it: none is valid."""
    token = new(tokens)
    (tmp_path / "tokens.json").chmod(0o666)
    server = TokenFile(tmp_path / "tokens.json")

    assert server.find(token, NOW) is None
    with pytest.raises(ConfigurationError, match="others may write the file"):
        server.all()


def test_a_deleted_file(tokens: TokenFile, tmp_path: Path) -> None:
    """Its tokens are gone with it."""
    token = new(tokens)
    assert tokens.find(token, NOW)
    (tmp_path / "tokens.json").unlink()

    assert tokens.find(token, NOW) is None


@pytest.mark.parametrize("name", ["a\nb", "a" * 65, 'x"y', "\x1b[0m"])
def test_a_name_that_is_refused(tokens: TokenFile, name: str) -> None:
    """It stands in lists and in the audit."""
    with pytest.raises(ConfigurationError, match="--name"):
        new(tokens, name)
