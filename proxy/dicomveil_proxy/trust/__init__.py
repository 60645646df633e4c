"""Trust: who asks, what they may do, how much, and who saw what.

    credentials ──► subject (tokens, oidc, certificates) ──► rights ──► limits ──► the application
                                     │
                                     └──► audit: a line before each answer begins

`admission.py` joins them, in front of all routes. Nothing here reads a data set, and nothing here knows what an answer
holds.
"""
