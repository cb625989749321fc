"""Typed clients of a Xiezhi node, evidence service, vault and registration office. How to use them: docs/clients.md."""
