"""How fast the lab is, beside plain PyTorch."""
