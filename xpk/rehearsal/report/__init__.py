"""A rehearsal as one page to look at: drawn from an outcome and its events, never from logs or files.

Pure: text in, text out. `curves` says what is drawn, `scale` and `labels` where, `timeline` and `lanes`
make drawings of it, `page` puts them into the template of `xpk.render`. What was right or wrong is
decided in `record`, not here.
"""
