"""HTTP/1.1 as the gateway speaks it on both sides: llhttp parses, asyncio carries, nothing is parsed by hand."""
