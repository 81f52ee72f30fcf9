"""The past played again: does the policy decide well?"""
