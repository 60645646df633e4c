"""`python -m dicomveil_proxy`: the command without its script."""

from __future__ import annotations

from dicomveil_proxy.command import main

if __name__ == "__main__":
    main()
