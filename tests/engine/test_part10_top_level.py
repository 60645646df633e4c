"""The elements of the data set itself: runs of them are passed at once, and nobody can tell."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import InstanceRewriter, Policy, deidentify_instance, load_policy
from dicomveil_engine.part10.repeats import Repeats
from engine.datasets import EXPLICIT, KEY, SYNTAXES, Nodes, element, encoded, generated, instance, read, rule, rules

SERIES: Nodes = {
    0x00080005: ("CS", "ISO_IR 192"),
    0x00080016: ("UI", "1.2.840.10008.5.1.4.1.1.2"),
    0x00080020: ("DA", "20240312"),
    0x00080060: ("CS", "CT"),
    0x00081032: ("SQ", [{0x00080100: ("SH", "1"), 0x00080104: ("LO", "nodule quzzax")}]),
    0x00100010: ("PN", "Quzzax^Jane"),
    0x00100020: ("LO", "PATIENT-1"),
    0x00181030: ("LO", "Abdomen"),
    0x0020000D: ("UI", "1.2.3.1"),
    0x0020000E: ("UI", "1.2.3.1.2"),
    0x00280010: ("US", 8),
    0x00280011: ("US", 8),
    **{0x0018F000 + n: ("US", n) for n in range(40)},
}


def slices(number: int) -> list[bytes]:
    """Instances of one series: their own UIDs and numbers differ."""
    own: list[Nodes] = [{0x00080018: ("UI", f"1.2.3.1.2.{n}"), 0x00200013: ("IS", str(n))} for n in range(number)]
    return [instance(encoded({**SERIES, **mine}, EXPLICIT)) for mine in own]


def fresh() -> Policy:
    """A policy that has seen nothing."""
    return load_policy({"profile": "default"}, KEY)


def test_a_series_costs_its_own_elements() -> None:
    """From the fourth instance on, the walk looks at what differs, and passes each run between."""
    policy, steps = fresh(), []
    for data in slices(6):
        with patch.object(Repeats, "is_seen_again", autospec=True, side_effect=Repeats.is_seen_again) as asked:
            deidentify_instance(data, policy)
        steps.append(asked.call_count)

    assert steps[0] >= len(SERIES)
    assert max(steps[4:]) < len(SERIES) / 8


def test_another_patient_is_another_context() -> None:
    """What a run becomes waits for the names, the study and the day of each instance."""
    policy, cleaned = fresh(), []
    for name in ("Quzzax^Jane", "Quzzax^Jane", "Quzzax^Jane", "Quzzax^Jane", "Roe^Ann", "Quzzax^Jane"):
        nodes: Nodes = {**SERIES, 0x00100010: ("PN", name)}
        output = read(deidentify_instance(instance(encoded(nodes, EXPLICIT)), policy))
        cleaned.append(output.ProcedureCodeSequence[0].CodeMeaning)

    assert cleaned == [*["nodule"] * 4, "nodule quzzax", "nodule"]


@given(
    st.lists(generated, min_size=1, max_size=3),
    st.lists(st.integers(0, 2), min_size=4, max_size=10),
    st.sampled_from(SYNTAXES),
    st.integers(1, 400),
)
def test_a_policy_that_has_seen_the_series_gives_the_same(
    datasets: list[Nodes], order: list[int], syntax: str, step: int
) -> None:
    """Whatever came before, in whatever pieces this comes."""
    used = fresh()
    for number, chosen in enumerate(order):
        nodes: Nodes = {**SERIES, **datasets[chosen % len(datasets)], 0x00080018: ("UI", f"1.2.3.{number}")}
        data = instance(encoded(nodes, syntax), syntax=syntax)
        rewriter = InstanceRewriter(used)
        pieces = [piece for at in range(0, len(data), step) for piece in rewriter.feed(data[at : at + step])]

        assert b"".join([*pieces, *rewriter.close()]) == deidentify_instance(data, fresh())


def test_a_long_text_is_not_passed_unread() -> None:
    """Where long values pass in chunks, a kept text of more than a mebibyte is emptied if it names somebody."""
    policy = rules(rule("UT", "keep"), profile="basic")
    name = element(0x00100010, "PN", "Quambash^Jane")
    for text, is_kept in (("lead " * 250_000, True), ("lead " * 250_000 + "quambash", False)):
        output = deidentify_instance(instance(name, element(0x00880910, "UT", text)), policy)

        assert (b"lead lead" in output) is is_kept
        assert b"quambash" not in output
