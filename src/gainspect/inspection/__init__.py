"""The only inference path: from an image to its verdict. Only `backends/torch.py` needs torch."""
