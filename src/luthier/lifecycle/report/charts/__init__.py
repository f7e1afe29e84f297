"""Charts as SVG text, drawn here: no library, no script, no font; colours come from the page's style sheet."""
