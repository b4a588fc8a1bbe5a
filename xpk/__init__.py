"""xpk: multislice TPU training on Google Kubernetes Engine that survives failures.

This package is a command line program. Its folders are the stages that a request goes
through (`docs/architecture.md`); nothing here is meant to be imported by other programs.
"""

__version__ = "2.0.0"
