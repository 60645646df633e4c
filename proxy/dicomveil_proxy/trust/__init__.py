"""Authentication, authorization, limits and audit.

    credentials ──► subject (tokens, oidc, certificates) ──► rights ──► limits ──► the application
                                     │
                                     └──► audit: a line before each response starts

`admission.py` combines them, in front of all routes. Nothing here reads data sets or depends on the content of
responses.
"""
