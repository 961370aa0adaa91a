# SPDX-License-Identifier: Apache-2.0
"""Photographs of the sizes that are measured, from any one."""

from PIL import Image


def cropped(image, size):
    """The middle of a picture, at this size."""
    aspect = size[0] / size[1]
    width = min(image.width, round(image.height * aspect))
    height = min(image.height, round(image.width / aspect))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height)).resize(size, Image.LANCZOS)
