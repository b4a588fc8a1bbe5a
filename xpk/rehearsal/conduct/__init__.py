"""The run of a rehearsal: what is scaled down, what is broken when, and what is waited for."""
