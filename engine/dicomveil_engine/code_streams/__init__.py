"""Code streams of encapsulated Pixel Data, read and cleaned without decoding a pixel.

    fragments → sniffing → jpeg | jpeg2000 | jpeg_xl | rle | deflated | video → fragments of the same lengths
    native pixels → native

JPEG, JPEG-LS, JPEG 2000, JPEG XL and video may carry metadata: comments, EXIF, boxes, bytes after the end. It is always
removed while the stream passes, and no decoded pixel changes. There is one module for each family; none needs numpy or
a codec, depends on a policy, or holds more than a marker segment.
"""
