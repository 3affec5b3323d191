"""Makes the odd pictures beside it, from a photograph that is in the public domain (NASA, Eileen Collins).

    python3 make.py FOLDER_OF_SCIKIT_IMAGE/skimage/data/astronaut.png

Needs Pillow 13. They are kept in the repository because nothing written in Rust makes them all.
"""

import sys

from PIL import Image

photo = Image.open(sys.argv[1]).convert("RGB").crop((160, 0, 288, 96))
faded = photo.copy()
faded.putalpha(Image.linear_gradient("L").resize(photo.size))
turned = photo.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
later = {"save_all": True, "append_images": [turned], "duration": 200}

photo.save("lossy.webp", quality=60)
photo.save("lossless.webp", lossless=True)
faded.save("transparent.webp", quality=60)
photo.save("animated.webp", quality=60, **later)
photo.save("animated.png", **later)
photo.quantize(16).save("palette.png")
photo.convert("1").save("one-bit.png")
photo.convert("I;16").point(lambda value: value * 257).save("sixteen-bit-grey.png")
faded.save("transparent.png")
photo.save("baseline.jpg", quality=70)
photo.save("progressive.jpg", quality=70, progressive=True)
photo.save("full-colour.jpg", quality=70, subsampling=0)
photo.save("half-colour.jpg", quality=70, subsampling=1)
photo.save("restarts.jpg", quality=70, restart_marker_rows=1)
photo.convert("L").save("grey.jpg", quality=70)
photo.convert("CMYK").save("cmyk.jpg", quality=70)
# The same mean in each block of 8 x 8, and other codes.
grey = photo.convert("L")
blocks = grey.copy()
for top in range(0, 96, 8):
    for left in range(32, 96, 8):
        block = grey.crop((left, top, left + 8, top + 8))
        block.putdata(sorted(block.tobytes()))
        blocks.paste(block, (left, top))
grey.convert("RGB").save("own-codes.jpg", quality=70, optimize=True)
blocks.convert("RGB").save("own-codes-sorted.jpg", quality=70, optimize=True)
photo.save("rgb.jpg", quality=70, keep_rgb=True)
photo.save("photo.avif", quality=50)
