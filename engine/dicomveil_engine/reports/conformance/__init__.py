"""The conformance statement of a policy: what PS3.15 Section E.1.3 asks a de-identifier to declare.

    statement   the document, section by section
    actions     what a decision is in the table's codes, and what that means
    tables      Table E.1-1 and the layer by VR as the policies decide them

Every action in it is what `Policy.decide` says; nothing of the standard's tables is typed by hand.
"""

from dicomveil_engine.reports.conformance.statement import conformance_statement

__all__ = ["conformance_statement"]
