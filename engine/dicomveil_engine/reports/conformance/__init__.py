"""The conformance statement of a policy: what PS3.15 Section E.1.3 asks a de-identifier to declare.

    statement   the sections of the document
    actions     decisions as action codes, and their meaning
    tables      Table E.1-1 and the layer by VR, with the policies' actions

Every action in it is what `Policy.decide` says; nothing of the standard's tables is typed by hand.
"""

from dicomveil_engine.reports.conformance.statement import conformance_statement

__all__ = ["conformance_statement"]
