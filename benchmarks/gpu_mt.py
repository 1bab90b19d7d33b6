"""All strategies on Magnetic Tile on a GPU: 512 px, Lite0 with ImageNet weights, two seeds, in one call.

The options are those of `mt.py`. The script stops within ten minutes; call it again to continue.
"""

from mt import main

if __name__ == "__main__":
    main(__doc__ or "", size=512, epochs=30, batch_size=32, seeds="1,2", minutes=9, name="gpu_mt")
