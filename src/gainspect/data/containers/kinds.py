"""Which format a file has, by how it begins: those that are read, and the names of others."""

import re

PNG, JPEG, BMP, WEBP, TIFF, GIF, PNM = "PNG", "JPEG", "BMP", "WebP", "TIFF", "GIF", "PNM"
READ = {
    PNG: rb"\x89PNG\r\n\x1a\n",
    JPEG: rb"\xff\xd8\xff",
    BMP: rb"BM",
    WEBP: rb"RIFF.{4}WEBP",
    TIFF: rb"II[*+]\0|MM\0[*+]",
    GIF: rb"GIF8[79]a",
    PNM: rb"P[1-6][\s#]",
}
"""Formats that are decoded, and how they begin."""
_NOT_READ = {
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "AVIF": rb".{4}ftypavi[fs]",
    "HEIF": rb".{4}ftyp(?:he[iv]|mif1|msf1)",
    "MP4 video": rb".{4}ftyp",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "JPEG XR": rb"II\xbc",
    "Sun raster": rb"\x59\xa6\x6a\x95",
    "PAM": rb"P7[\s#]",
    "PFM": rb"P[Ff]4?\s",
    "OpenEXR": rb"\x76\x2f\x31\x01",
    "Radiance HDR": rb"#\?(?:RADIANCE|RGBE)",
    "Photoshop": rb"8BPS",
    "DICOM": rb".{128}DICM",
    "FITS": rb"SIMPLE  =",
    "DDS": rb"DDS ",
    "QOI": rb"qoif",
    "MNG or JNG": rb"[\x8a\x8b][MJ]NG\r\n",
    "PCX": rb"\x0a[\x00-\x05]\x01[\x01\x02\x04\x08]",
    "icon": rb"\0\0[\x01\x02]\0[^\0]\0",
    "NumPy": rb"\x93NUMPY",
    "PDF": rb"%PDF-",
    "SVG or XML": rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|svg)",
    "ZIP": rb"PK\x03\x04",
}
_COMPILED = {name: re.compile(pattern, re.DOTALL) for name, pattern in {**READ, **_NOT_READ}.items()}


def kind_of(content: bytes) -> str | None:
    """The name of a file's format, read or not; None: it is none that is known."""
    return next((name for name, begin in _COMPILED.items() if begin.match(content)), None)


def is_jpeg(content: bytes) -> bool:
    """Whether a file begins as JPEG does."""
    return kind_of(content) == JPEG
