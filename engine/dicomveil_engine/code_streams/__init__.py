"""Code streams: what encapsulated Pixel Data is made of, read and cleaned without decoding a pixel.

    fragments → sniffing → jpeg | jpeg2000 | jpeg_xl | rle | deflated | video → fragments of the same lengths
    native pixels → native

JPEG, JPEG-LS, JPEG 2000, JPEG XL and video may carry metadata beside the pixels: comments, EXIF, boxes, bytes behind
the end. It is always removed, while the stream passes, and no decoded pixel changes. One module for each family;
nothing here needs numpy or a codec, knows of a policy, or holds more than a marker segment.
"""
