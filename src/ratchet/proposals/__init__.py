"""A change that a machine proposes, from files in a folder to a pull request.

The jobs that hold a token with rights run this and nothing else: standard library, git and gh, so
that no package and no data of others get near the token. A test holds that.
"""
