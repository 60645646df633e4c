"""Code streams: what encapsulated Pixel Data is made of, read without decoding a pixel.

JPEG, JPEG-LS, JPEG 2000, JPEG XL and video say their size in a header, and may carry metadata beside the pixels:
comments, EXIF, boxes. One module for each family reads the header; nothing here needs numpy or a codec.
"""
