"""The settings of the server and its projects: what they are, where they come from, what is wrong with them.

Nothing is opened here but key files, to check them.
"""
