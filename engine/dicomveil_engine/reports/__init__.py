"""What a policy does, what it did and what is left, in words for people.

Nothing here changes an instance.
"""
