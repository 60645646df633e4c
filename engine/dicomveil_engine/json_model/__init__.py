"""The DICOM JSON model (PS3.18 Annex F): metadata and search results, object by object.

    bytes → stream: one object at a time → rewriter (policy, values ⇄ methods) → dict

Policy, methods and identifying words are the same as for Part 10; only the notation of values differs.
"""
