# SPDX-License-Identifier: Apache-2.0
"""The rules for pixels, straightforward and in doubles: what every transform must come close to."""

import numpy


def _kernel(x):
    return numpy.where(numpy.abs(x) < 3, numpy.sinc(x) * numpy.sinc(x / 3), 0)


def _weights(before, after):
    """after x before: Lanczos with three lobes, as wide as what becomes one pixel, and nothing from beyond the edges."""
    scale = before / after
    centres = (numpy.arange(after) + 0.5) * scale
    weights = _kernel((numpy.arange(before) + 0.5 - centres[:, None]) / max(1, scale))
    return weights / weights.sum(1, keepdims=True)


def _rounded(values):
    return numpy.floor(values.clip(0, 255) + 0.5)


def _pass(pixels, weights):
    """Down the rows: colours count by their alpha, and what comes out is eight bits of each again."""
    alpha = pixels[:, :, 3:].astype(float)
    sums = numpy.tensordot(weights, numpy.concatenate([pixels[:, :, :3] * alpha, alpha], 2), (1, 0))
    alpha = sums[:, :, 3:]
    colours = numpy.where(alpha >= 0.5, sums[:, :, :3] / numpy.maximum(alpha, 0.5), 0)
    return _rounded(numpy.concatenate([colours, alpha], 2)).astype(numpy.uint8)


def resized(pixels, width, height):
    """Across, then down."""
    across = _pass(pixels.transpose(1, 0, 2), _weights(pixels.shape[1], width)).transpose(1, 0, 2)
    return _pass(across, _weights(pixels.shape[0], height))


def cut(pixels, left, top, width, height):
    return pixels[top:top + height, left:left + width]


def filled(pixels, width, height):
    """What is too much on one side is cut off evenly, before resizing."""
    across, down = pixels.shape[1], pixels.shape[0]
    if across * height < width * down:
        kept = int(max(1, across * height / width) + 0.5)
        return resized(cut(pixels, 0, (down - kept) // 2, across, kept), width, height)
    kept = int(max(1, down * width / height) + 0.5)
    return resized(cut(pixels, (across - kept) // 2, 0, kept, down), width, height)


def trimmed(pixels):
    """Without the border that has the colour of the first pixel."""
    differs = (pixels != pixels[0, 0]).any(2)
    rows, columns = numpy.flatnonzero(differs.any(1)), numpy.flatnonzero(differs.any(0))
    return pixels[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]


def turned(pixels, degrees):
    """Counter-clockwise."""
    return numpy.rot90(pixels, degrees // 90)


def on_colour(pixels, colour=(255, 255, 255)):
    """What shows of it where nothing can be transparent; white, or another colour, behind it."""
    alpha = pixels[:, :, 3:].astype(float)
    colours = _rounded((pixels[:, :, :3] * alpha + numpy.array(colour) * (255 - alpha)) / 255).astype(numpy.uint8)
    return numpy.concatenate([colours, numpy.full_like(pixels[:, :, 3:], 255)], 2)


def difference(first, second):
    """The largest step between two pictures: of their alpha, and of their colours as far as they show."""
    assert first.shape == second.shape, f"{first.shape} is not {second.shape}"

    def shown(pixels):
        pixels = pixels.astype(float)
        return numpy.concatenate([pixels[:, :, :3] * pixels[:, :, 3:] / 255, pixels[:, :, 3:]], 2)

    return float(numpy.abs(shown(first) - shown(second)).max())


def psnr(first, second):
    """Decibels, of what shows on white."""
    assert first.shape == second.shape, f"{first.shape} is not {second.shape}"
    error = numpy.mean((on_colour(first)[:, :, :3].astype(float) - on_colour(second)[:, :, :3]) ** 2)
    return 99.0 if error == 0 else 10 * numpy.log10(255 ** 2 / error)
