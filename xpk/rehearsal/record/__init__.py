"""The record of a rehearsal: what happened, and what it means.

Pure: no process is started, no API is called, no file is read, nothing is printed. The parts:
`events` (what can happen), `lines` (a trainer's log line as an event), `reduce` (events to an
outcome), `findings` (what is wrong, why, and what to type), `words` (an outcome as text).
"""
