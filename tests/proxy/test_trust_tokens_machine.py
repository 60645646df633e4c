"""Tokens as a state machine: made, revoked, expired, used and read again, beside a model in a dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.trust.tokens import TokenFile

PROJECTS, RIGHTS = ("default", "lung", "heart"), ("search", "retrieve", "store")


@dataclass
class Known:
    """What the model knows of a token."""

    name: str
    project: str
    right: str
    until: int | None
    is_revoked: bool = False

    def is_valid(self, now: float) -> bool:
        """At this time."""
        return not self.is_revoked and (self.until is None or now < self.until)


class Tokens(RuleBasedStateMachine):
    """One file, two servers that read it, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "tokens.json"
        self.servers = [TokenFile(self.path), TokenFile(self.path)]
        self.command = TokenFile(self.path)
        self.now = 1_700_000_000.0
        self.model: dict[str, Known] = {}

    @rule(
        name=st.sampled_from(["", "a", "b"]),
        project=st.sampled_from(PROJECTS),
        right=st.sampled_from(RIGHTS),
        life=st.one_of(st.none(), st.integers(1, 50)),
    )
    def make(self, name: str, project: str, right: str, life: int | None) -> None:
        """A new one; of two valid ones each has a name of its own."""
        until = None if life is None else self.now + life
        if name and any(known.name == name and known.is_valid(self.now) for known in self.model.values()):
            with pytest.raises(ConfigurationError):
                self.command.new([project], [right], name=name, now=self.now, expires=until)
            return
        secret, _ = self.command.new([project], [right], name=name, now=self.now, expires=until)
        assert secret not in self.model
        self.model[secret] = Known(name, project, right, None if until is None else int(until))

    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        """One that was made, however it is named."""
        if not self.model:
            return
        # In the order in which they were made: secrets are random, and Hypothesis repeats its choices.
        secret = list(self.model)[data.draw(st.integers(0, len(self.model) - 1))]
        known = self.model[secret]
        self.command.revoke(secret if data.draw(st.booleans()) else secret.split("_")[1], now=self.now)
        known.is_revoked = True

    @rule(seconds=st.integers(0, 30))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.now += seconds

    @rule(server=st.integers(0, 1))
    def restart(self, server: int) -> None:
        """A server begins anew."""
        self.servers[server] = TokenFile(self.path)

    @rule(server=st.integers(0, 1))
    def use_all(self, server: int) -> None:
        """Each gives what it was made for, in its project alone, while it is valid; what is nearly one, nothing."""
        for secret, known in self.model.items():
            subject = self.servers[server].find(secret, self.now)
            assert (subject is not None) == known.is_valid(self.now)
            if subject is not None:
                for project in PROJECTS:
                    expected = [Right(known.right)] if project == known.project else []
                    assert [*subject.rights(project)] == expected
            for forged in (
                secret[:-1],
                f"{secret}A",
                secret.swapcase(),
                secret[:-1] + ("A" if secret[-1] != "A" else "B"),
            ):
                assert self.servers[server].find(forged, self.now) is None

    @rule()
    def read(self) -> None:
        """The list has them all, and the file none of their secrets."""
        assert len(self.command.all()) == len(self.model)
        if self.path.exists():
            text = self.path.read_text()
            assert not any(secret.split("_", 2)[2] in text for secret in self.model)

    def teardown(self) -> None:
        """Let go of the file."""
        self.folder.cleanup()


TestTokens = Tokens.TestCase
TestTokens.settings = settings(max_examples=max(5, settings().max_examples // 2), stateful_step_count=20)
