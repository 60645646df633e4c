"""Part 10 instances (PS3.10, PS3.5), as a stream of bytes.

    bytes → file_meta → table (policy, filled on demand) → walker → section → bytes
                                                          body: Pixel Data, passed through in chunks

The walker finds elements and looks up decisions in the table; the section collects changes and writes them when the
whole header is known.
"""
