"""A small real trainer: JAX and Orbax's own checkpoint managers, under MaxText's flag names.

It stands in for the user's command in a rehearsal (`python -m xpk.rehearsal.trainer KEY=VALUE...`).
It is not a model: its arrays mean nothing, but every byte of them shows in the next loss. `flags`,
`need`, `place` and `lines` are pure; the other modules import JAX. Nothing here imports the rest of
xpk except `xpk.errors`, so that it runs wherever JAX and Orbax are installed.
"""
