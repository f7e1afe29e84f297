"""The project's report: every fact of the chain of evidence on one page, as HTML, Markdown and JSON."""
