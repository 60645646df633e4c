"""Free text: what in it identifies somebody, and what is left when that is gone.

Pure functions over text; nothing here knows an encoding or an element.
"""
