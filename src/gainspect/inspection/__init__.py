"""The one inference path: image in, verdict and evidence out. No torch but in `backends/torch.py`."""
