"""Writes augmentations.json: images moved, warped and recoloured by scipy.ndimage and colorsys, and quantiles of Beta(a, a).

Images are (sin(0.37 i + 0.11) + 1) / 2, row-major in our layout (channels last).
Run with: python3 test/golden/make-augmentations.py
"""
import colorsys
import json
import os

import numpy as np
from scipy import ndimage, stats


def wave(*shape):
    return ((np.sin(0.37 * np.arange(np.prod(shape)) + 0.11) + 1) / 2).reshape(shape)


numbers = lambda values: [float("%.9g" % v) for v in np.asarray(values).flatten()]
HEIGHT, WIDTH = 7, 9
picture = wave(HEIGHT, WIDTH)
# scipy's name of a constant outside between whose values and the border's is interpolated, too.
MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect"}
CENTRE = np.array([(HEIGHT - 1) / 2, (WIDTH - 1) / 2])
rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)

geometry = []
for mode, name in MODES.items():
    options = {"order": 1, "mode": name, "cval": 0.25}
    geometry.append({"map": "rotate", "value": 20, "mode": mode, "output": numbers(ndimage.rotate(picture, 20, reshape=False, **options))})
    geometry.append({"map": "translate", "value": [1.3, -2.6], "mode": mode, "output": numbers(ndimage.shift(picture, [-2.6, 1.3], **options))})
    # An image that is larger by 1.4 and wider by 1.2 has each point from that much nearer to the centre.
    inverse = np.diag([1 / 1.4, 1 / (1.4 * 1.2)])
    geometry.append({"map": "scale", "value": [1.4 * 1.2, 1.4], "mode": mode,
                     "output": numbers(ndimage.affine_transform(picture, inverse, CENTRE - inverse @ CENTRE, **options))})
    # A homography from four pairs of points, by its eight linear equations.
    square = [(-4.5, -3.5), (4.5, -3.5), (4.5, 3.5), (-4.5, 3.5)]
    corners = [(-4.1, -3.9), (4.0, -2.7), (4.9, 3.0), (-3.2, 3.6)]
    system, right = [], []
    for (x, y), (u, v) in zip(square, corners):
        system += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    h = np.append(np.linalg.solve(system, right), 1).reshape(3, 3)
    u, v, w = np.einsum("ij,jrc->irc", h, np.stack([columns - CENTRE[1], rows - CENTRE[0], np.ones_like(rows)]))
    source = [v / w + CENTRE[0], u / w + CENTRE[1]]
    geometry.append({"map": "perspective", "value": corners, "mode": mode, "output": numbers(ndimage.map_coordinates(picture, source, **options))})
    # Rotation, then translation of what was rotated, and a displacement: one interpolation.
    angle = np.deg2rad(-15)
    x, y = columns - CENTRE[1] - 0.5, rows - CENTRE[0] + 1.5
    dx, dy = 2 * wave(HEIGHT, WIDTH) - 1, 1 - wave(HEIGHT, WIDTH)
    source = [np.sin(angle) * x + np.cos(angle) * y + CENTRE[0] + dy, np.cos(angle) * x - np.sin(angle) * y + CENTRE[1] + dx]
    geometry.append({"map": "composed", "value": [-15, 0.5, -1.5], "mode": mode, "output": numbers(ndimage.map_coordinates(picture, source, **options))})

noise = 2 * wave(2, HEIGHT, WIDTH) - 1
elastic = [3 * ndimage.gaussian_filter(field, 1.5, mode="constant", truncate=4) for field in noise]

# Radius 3 of sigma 1, and 2 of sigma 0.6, as a largest sigma of 1 and of 0.5 gives.
blur = [
    {"sigma": sigma, "largest": largest, "output": numbers(ndimage.gaussian_filter(picture, sigma, mode="mirror", truncate=radius / sigma))}
    for sigma, largest, radius in [(1.0, 1.0, 3), (0.7, 0.66, 2)]
]

colours = wave(5, 5, 3)
colours[0, 0] = 0.5  # grey
colours[0, 1] = 0  # black
colours[0, 2] = [1, 0, 0]
pixels = colours.reshape(-1, 3)
gray = colours @ [0.299, 0.587, 0.114]
clip = lambda values: numbers(np.clip(values, 0, 1))
hue = lambda shift: [colorsys.hsv_to_rgb((h + shift) % 1, s, v) for h, s, v in (colorsys.rgb_to_hsv(*p) for p in pixels)]
colour = {
    "pixels": numbers(colours),
    "brightness": {"value": 1.4, "output": clip(1.4 * colours)},
    "contrast": {"value": 1.7, "output": clip(1.7 * colours - 0.7 * gray.mean())},
    "gamma": {"value": 0.6, "output": numbers(colours**0.6)},
    "saturation": {"value": 1.5, "output": clip(1.5 * colours - 0.5 * gray[..., None])},
    "hue": {"value": 0.15, "output": numbers(hue(0.15))},
    "hue back": {"value": -0.4, "output": numbers(hue(-0.4))},
}

levels = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]
beta = [{"alpha": a, "levels": levels, "quantiles": numbers(stats.beta.ppf(levels, a, a))} for a in [0.2, 1, 3]]

path = os.path.join(os.path.dirname(__file__), "augmentations.json")
with open(path, "w") as file:
    json.dump({"geometry": geometry, "elastic": numbers(elastic), "blur": blur, "colour": colour, "beta": beta}, file)
